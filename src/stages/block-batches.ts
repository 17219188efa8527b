import type * as Binding from "../native/binding.js";
import {
  BLOCK_HEADER_LENGTH,
  type BlockFrame,
  blockStreamEnded,
  decodeBlockFrames,
} from "../protocol/block-stream.ts";
import { MAX_FRAME_LENGTH } from "../protocol/limits.ts";
import type { Input } from "../transport/streams.ts";
import type { StageContext } from "./context.ts";
import { Sequence } from "./sequence.ts";
import { type Slot, Slots } from "./slots.ts";
import type { Written } from "./written.ts";

/** One slot is being filled, one is being written, and one is on its way between. */
const SLOTS = 3;

/** Room for the largest frame with its header, and for one read behind it. */
const SLOT_LENGTH = MAX_FRAME_LENGTH + 64 * 1024;

/** How much is gathered while the writing of the batch before goes on, unless a single frame is larger, in bytes. */
const BATCH_LENGTH = 4 * 1024 * 1024;

/** No more frames than this are in a batch: each costs memory of its own, however short it is. */
const MAX_FRAMES = 4096;

/**
 * Reads a block stream up to `done` and passes its frames on.
 *
 * @returns what has been read of what follows `done`
 * @throws ProtocolError, StreamError
 */
export async function receiveBlocks(input: Input, writer: Writer): Promise<Uint8Array> {
  let batch = await writer.begin(new Uint8Array(0));
  for (;;) {
    const { slot } = batch;
    const streamOffset = input.bytes - (batch.filled - batch.parsed);
    const most = MAX_FRAMES - batch.frames.length;
    const decoded = decodeBlockFrames(slot.memory, batch.parsed, batch.filled, streamOffset, most);
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
    if (!full && !(await readMore(input, batch))) {
      const rest = batch.slot.memory.subarray(batch.parsed, batch.filled);
      // What came whole is written, also when the other end then went away.
      writer.write(batch);
      await writer.drained();
      throw blockStreamEnded(rest, input.bytes - rest.length);
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

/** Reads into a batch, as far as a batch reaches or the frame that is at its end. False at the end of the stream. */
async function readMore(input: Input, batch: Batch): Promise<boolean> {
  const limit = Math.max(BATCH_LENGTH, batch.parsed + batch.needed);
  const count = await input.read(batch.slot.memory.subarray(batch.filled, limit));
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
  readonly #written: Written | undefined;
  readonly #slots: Slots;
  readonly #sequence = new Sequence();
  #waiting = 0;

  /** `written` is told of all that is written, where that is to be read back. */
  constructor(
    context: StageContext,
    sink: Binding.Sink,
    sparse: boolean,
    written: Written | undefined,
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

  /** Writes the frames of a batch after those of the batches before. */
  write({ slot, frames }: Batch): void {
    this.#waiting += 1;
    this.#sequence.add(Promise.resolve(), async () => {
      if (frames.length > 0) {
        const applied = await this.#context.engine.apply(
          this.#sink,
          this.#slots.slab,
          slot.index,
          frames.map(({ codec, ...frame }) => ({ ...frame, compressed: codec === "dlzm" })),
          this.#sparse,
          this.#written?.digest,
        );
        await this.#written?.add(frames, applied);
        this.#context.progress.advance(applied.lengths.reduce((sum, length) => sum + length, 0));
      }
      this.#slots.release(slot);
      this.#waiting -= 1;
    });
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
