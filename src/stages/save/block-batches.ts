import type * as Binding from "../../native/binding.js";
import type { BlockDecoder, BlockFrame } from "../../protocol/block-stream/decoder.ts";
import { BLOCK_HEADER_LENGTH } from "../../protocol/block-stream/frames.ts";
import { DIGEST_LENGTHS, type DigestName } from "../../protocol/digest.ts";
import { joined } from "../../protocol/fields.ts";
import type { Head } from "../../protocol/block-stream/head.ts";
import { MAX_FRAME_LENGTH } from "../../protocol/limits.ts";
import type { Input } from "../../transport/streams/streams.ts";
import type { Bounds } from "../../blocks/bounds.ts";
import type { StageContext } from "../../blocks/context.ts";
import { Sequence } from "../../blocks/sequence.ts";
import { type Slot, Slots } from "../../blocks/slots.ts";
import type { Cancellation } from "../../blocks/cancellation.ts";
import type { WrittenBlocks } from "../../blocks/written-blocks.ts";

/** One slot is being filled, one is being written, and one is on its way between. */
const SLOTS = 3;

/** Room for the largest frame with its header, and for one read behind it. */
const SLOT_LENGTH = MAX_FRAME_LENGTH + 64 * 1024;

/** How much is gathered while the writing of the batch before goes on, unless a single frame is larger, in bytes. */
const BATCH_LENGTH = 4 * 1024 * 1024;

/** No more frames than this are in a batch: each costs memory of its own, however short it is. */
const MAX_FRAMES = 4096;

/**
 * Reads a block stream up to `done`, which `decoder` decodes, and passes its frames on.
 *
 * @param begin is told what the stream says of itself, if it is an extended one, before anything of it is written
 * @param cancellation when it is to end early, what came whole is written, and no more is read
 * @returns what has been read of what follows `done`
 * @throws ProtocolError, StreamError, CancelledError, and what `begin` throws
 */
export async function receiveBlocks(
  input: Input,
  decoder: BlockDecoder,
  writer: Writer,
  begin: (head: Head | undefined) => Promise<void>,
  cancellation: Cancellation,
): Promise<Uint8Array> {
  let begun = false;
  let batch = await writer.begin(new Uint8Array(0));
  for (;;) {
    const { slot } = batch;
    const streamOffset = input.bytes - (batch.filled - batch.parsed);
    const most = MAX_FRAMES - batch.frames.length;
    const decoded = decoder.decode(slot.memory, batch.parsed, batch.filled, streamOffset, most);
    if (!begun && (decoder.head !== undefined || decoded.frames.length > 0 || decoded.done)) {
      begun = true;
      await begin(decoder.head);
    }
    batch.frames = batch.frames.concat(decoded.frames);
    batch.parsed += decoded.consumed;
    batch.needed = Math.max(decoded.needed, BLOCK_HEADER_LENGTH);
    if (decoded.done) {
      const behind = slot.memory.slice(batch.parsed, batch.filled);
      writer.write(batch);
      writer.end();
      return behind;
    }
    const full = batch.frames.length === MAX_FRAMES;
    if (full || isDue(batch, writer)) {
      const next = await writer.begin(slot.memory.subarray(batch.parsed, batch.filled));
      writer.write(batch);
      batch = next;
    }
    // After a full batch there may be frames that nobody has looked at yet.
    if (cancellation.requested || (!full && !(await readMore(input, batch, cancellation)))) {
      const rest = batch.slot.memory.subarray(batch.parsed, batch.filled);
      // What came whole is written, also when the other end then went away.
      writer.write(batch);
      await writer.drained();
      throw cancellation.requested
        ? cancellation.error()
        : decoder.ended(rest, input.bytes - rest.length);
    }
  }
}

/** Whether the frames of a batch are to be written now: nothing else is, or there is no room for more. */
function isDue({ slot, frames, filled, parsed, needed }: Batch, writer: Writer): boolean {
  return (
    frames.length > 0 &&
    (writer.idle || filled >= BATCH_LENGTH || parsed + needed > slot.memory.length)
  );
}

/** Reads into a batch, as far as a batch reaches or the frame that is at its end. False at the end of the stream, and when it is to end early. */
async function readMore(input: Input, batch: Batch, cancellation: Cancellation): Promise<boolean> {
  const limit = Math.max(BATCH_LENGTH, batch.parsed + batch.needed);
  const room = batch.slot.memory.subarray(batch.filled, limit);
  const count = await cancellation.race(() => input.read(room), 0);
  batch.filled += count;
  return count > 0;
}

/** A slot that the stream is read into. */
interface Batch {
  slot: Slot;
  /** The complete frames in it. */
  frames: BlockFrame[];
  /** Bytes of the slot that these take. */
  parsed: number;
  /** Bytes that have been read into the slot. */
  filled: number;
  /** Bytes that the frame at the end takes in all, as far as that is known. */
  needed: number;
}

/** Writes batches to the destination, one after another, so that of two frames for the same place the later wins. */
export class Writer {
  readonly #context: StageContext;
  readonly #sink: Binding.Sink;
  readonly #sparse: boolean;
  readonly #written: WrittenBlocks | undefined;
  readonly #slots: Slots;
  readonly #sequence = new Sequence();
  #waiting = 0;
  /** The algorithm of the digests that the blocks come with; undefined where they have none. */
  digest: DigestName | undefined;
  /** The bounds for blocks; undefined for anywhere in the destination, and for a file also after its end. */
  bounds: Bounds | undefined;
  /** Bytes of the blocks that were written. */
  changed = 0;
  /** Is told of the blocks that came with a digest; undefined where nobody asks for them. */
  records: WrittenBlocks | undefined;

  /** `written` is told of all that is written, where that is to be read back. */
  constructor(
    context: StageContext,
    sink: Binding.Sink,
    sparse: boolean,
    written: WrittenBlocks | undefined,
  ) {
    this.#context = context;
    this.#sink = sink;
    this.#sparse = sparse;
    this.#written = written;
    this.#slots = new Slots(context.native, SLOTS, SLOT_LENGTH);
  }

  /** Settles when all is written, or fails with the first failure. */
  get finished(): Promise<void> {
    return this.#sequence.finished;
  }

  /** Whether nothing is being written. */
  get idle(): boolean {
    return this.#waiting === 0;
  }

  /** A new batch, which begins with `carry`, the beginning of a frame. */
  async begin(carry: Uint8Array): Promise<Batch> {
    const slot = await this.#slots.take(BATCH_LENGTH);
    slot.memory.set(carry);
    return { slot, frames: [], parsed: 0, filled: carry.length, needed: BLOCK_HEADER_LENGTH };
  }

  /**
   * Writes the frames of a batch after those of the batches before.
   *
   * @throws ProtocolError when one of them lies out of bounds: then none of the batch is written
   */
  write({ slot, frames }: Batch): void {
    const rooms = frames.map((frame) => this.bounds?.room(frame));
    this.#waiting += 1;
    this.#sequence.add(Promise.resolve(), async () => {
      const fresh = this.#firstFresh(frames);
      await this.#apply(slot, frames.slice(0, fresh), rooms, this.#sparse);
      // Holes there, as the source may have them, cost nothing.
      await this.#apply(slot, frames.slice(fresh), rooms.slice(fresh), true);
      this.#slots.release(slot);
      this.#waiting -= 1;
    });
  }

  /** Writes frames of a batch, blocks of zeros as holes if `sparse`. */
  async #apply(
    slot: Slot,
    frames: readonly BlockFrame[],
    rooms: readonly (number | undefined)[],
    sparse: boolean,
  ): Promise<void> {
    if (frames.length === 0) {
      return;
    }
    const check = this.#check(frames);
    const applied = await this.#context.engine.apply(this.#sink, this.#slots.slab, slot.index, {
      blocks: frames.map((frame, place) => toWrite(frame, rooms[place])),
      sparse,
      digest: this.#written?.digest,
      expected: check,
    });
    await this.#written?.add(frames, applied.lengths, applied.digests);
    if (check !== undefined) {
      await this.records?.add(frames, applied.lengths, check.bytes);
    }
    const { progress } = this.#context;
    const bytes = applied.lengths.reduce((sum, length) => sum + length, 0);
    this.changed += bytes;
    progress.count("blocks", frames.length);
    progress.count("changed", bytes);
    progress.advance(bytes);
  }

  /** The place of the first frame from which on all lie after what a file had when it was opened. */
  #firstFresh(frames: readonly BlockFrame[]): number {
    const { isDevice, size } = this.#sink;
    return isDevice ? frames.length : frames.findLastIndex(({ position }) => position < size) + 1;
  }

  /** The digests that the blocks must have, where the stream has any. */
  #check(frames: readonly BlockFrame[]): Binding.Digests | undefined {
    const algorithm = this.digest;
    if (algorithm === undefined) {
      return undefined;
    }
    const none = new Uint8Array(DIGEST_LENGTHS[algorithm]);
    return { algorithm, bytes: joined(...frames.map(({ digest }) => digest ?? none)) };
  }

  /** Settles when all that was passed on so far is written. */
  drained(): Promise<void> {
    return this.#sequence.drained();
  }

  /** Nothing more will be written. */
  end(): void {
    this.#sequence.end();
  }
}

/** A frame as the engine takes it, which counts zeros where there is no payload. `room`: bytes that the block may have. */
function toWrite(
  { codec, position, offset, length, block }: BlockFrame,
  room: number | undefined,
): Binding.Frame {
  if (codec === "zeros") {
    return { codec, position, offset: 0, length: block ?? 0, block };
  }
  // The length of any other block is known, and was looked at.
  const most =
    block === undefined && room !== undefined && room < MAX_FRAME_LENGTH ? room : undefined;
  return { codec, position, offset, length, block, most };
}
