import type { Bounds } from "../../blocks/bounds.ts";
import type { StageContext } from "../../blocks/context.ts";
import { Sequence } from "../../blocks/sequence.ts";
import { type Slot, Slots } from "../../blocks/slots.ts";
import type { WrittenBlocks } from "../../blocks/written-blocks.ts";
import type { SharedCopy } from "../../blocks/shared-copy.ts";
import type * as Binding from "../../native/binding.js";
import type { BlockFrame } from "../../protocol/block-stream/decoder.ts";
import { BLOCK_HEADER_LENGTH } from "../../protocol/block-stream/frames.ts";
import { DIGEST_LENGTHS, type DigestName } from "../../protocol/digest.ts";
import { joined } from "../../protocol/fields.ts";
import { MAX_FRAME_LENGTH } from "../../protocol/limits.ts";
import type { Audit } from "./audit.ts";
import { extend } from "./metadata.ts";

/** One slot is being filled, one is being written, and one is waiting in between. */
const SLOTS = 3;

/** Bytes of a slot: the largest frame with its header, and one more read after it. */
const SLOT_LENGTH = MAX_FRAME_LENGTH + 64 * 1024;

/** Bytes to read into a batch while the one before is being written, unless a single frame is larger. */
export const BATCH_LENGTH = 4 * 1024 * 1024;

/** A slot that the stream is read into. */
export interface Batch {
  slot: Slot;
  /** The complete frames in the slot. */
  frames: BlockFrame[];
  /** Bytes of the slot that these frames take. */
  parsed: number;
  /** Bytes of the slot that have been read. */
  filled: number;
  /** Length of the incomplete frame at the end, as far as it is known. */
  needed: number;
}

/** Options of {@link BlockWriter}. */
interface WriterOptions {
  /** Write blocks of zeros as holes. */
  sparse: boolean;
  /** Records everything that is written, to be read back; undefined for no record. */
  written: WrittenBlocks | undefined;
  /** Called before each write. */
  beforeWrite: (() => void) | undefined;
  /** The copy that other streams write to as well; undefined for one stream. */
  copy: Pick<SharedCopy, "size" | "grownTo"> | undefined;
}

/** Writes batches to the destination one after another: of two frames for the same place, the later wins. */
export class BlockWriter {
  readonly #context: StageContext;
  readonly #sink: Binding.Sink;
  readonly #sparse: boolean;
  readonly #written: WrittenBlocks | undefined;
  readonly #beforeWrite: (() => void) | undefined;
  /** Bytes that the destination had before the copy. */
  readonly #size: number;
  /** Bytes that a file must have before the first write; undefined if that is done, or not wanted. */
  #grownTo: number | undefined;
  readonly #slots: Slots;
  readonly #sequence = new Sequence();
  #waiting = 0;
  /** The algorithm of the digests in the stream; undefined if it has none. */
  digest: DigestName | undefined;
  /** The bounds for blocks; undefined for anywhere in the destination, and after its end if it is a file. */
  bounds: Bounds | undefined;
  /** Counts what a range map has left out; undefined without an audit. */
  audit: Audit | undefined;
  /** Bytes of the blocks that have been written. */
  changed = 0;
  /** Records the blocks that came with a digest; undefined for no record. */
  records: WrittenBlocks | undefined;

  constructor(
    context: StageContext,
    sink: Binding.Sink,
    { sparse, written, beforeWrite, copy }: WriterOptions,
  ) {
    this.#context = context;
    this.#sink = sink;
    this.#sparse = sparse;
    this.#written = written;
    this.#beforeWrite = beforeWrite;
    this.#size = copy?.size ?? sink.size;
    this.#grownTo = copy !== undefined && copy.grownTo > copy.size ? copy.grownTo : undefined;
    this.#slots = new Slots(context.native, SLOTS, SLOT_LENGTH);
  }

  /** Settles when everything is written; rejects with the first failure. */
  get finished(): Promise<void> {
    return this.#sequence.finished;
  }

  /** True if nothing is being written. */
  get idle(): boolean {
    return this.#waiting === 0;
  }

  /** Returns a new batch that begins with `carry`, the beginning of a frame. */
  async begin(carry: Uint8Array): Promise<Batch> {
    const slot = await this.#slots.take(BATCH_LENGTH);
    slot.memory.set(carry);
    return { slot, frames: [], parsed: 0, filled: carry.length, needed: BLOCK_HEADER_LENGTH };
  }

  /**
   * Writes the frames of a batch after those of the batches before.
   *
   * @throws ProtocolError if one of them is out of bounds: then none of the batch is written
   */
  write({ slot, frames }: Batch): void {
    const limits = frames.map((frame) => this.bounds?.limitOf(frame));
    this.#waiting += 1;
    this.#sequence.add(Promise.resolve(), async () => {
      const firstNew = this.#firstAfterEnd(frames);
      await this.#apply(slot, frames.slice(0, firstNew), limits, { sparse: this.#sparse });
      // After the old end of a file, holes cost nothing.
      await this.#apply(slot, frames.slice(firstNew), limits.slice(firstNew), { sparse: true });
      this.#slots.release(slot);
      this.#waiting -= 1;
    });
  }

  async #apply(
    slot: Slot,
    frames: readonly BlockFrame[],
    limits: readonly (number | undefined)[],
    { sparse }: { sparse: boolean },
  ): Promise<void> {
    if (frames.length === 0) {
      return;
    }
    this.#beforeWrite?.();
    await this.#grow();
    this.audit?.add(frames);
    const expected = this.#digestsOf(frames);
    const applied = await this.#context.engine.apply(this.#sink, this.#slots.slab, slot.index, {
      blocks: frames.map((frame, index) => engineFrame(frame, limits[index])),
      sparse,
      digest: this.#written?.digest,
      expected,
    });
    await this.#written?.add(frames, applied.lengths, applied.digests);
    if (expected !== undefined) {
      await this.records?.add(frames, applied.lengths, expected.bytes);
    }
    const { progress } = this.#context;
    const bytes = applied.lengths.reduce((sum, length) => sum + length, 0);
    this.changed += bytes;
    progress.count("blocks", frames.length);
    progress.count("changed", bytes);
    progress.advance(bytes);
  }

  /**
   * Makes the file as long as the streams together make it. Each stream does so before its first write, so that none extends the file while
   * another one writes: the same operation could cut off what that one has written.
   */
  async #grow(): Promise<void> {
    const size = this.#grownTo;
    this.#grownTo = undefined;
    if (size !== undefined) {
      await extend(this.#context, this.#sink, size);
    }
  }

  /** Returns the index from which on all frames lie after the old end of the file. */
  #firstAfterEnd(frames: readonly BlockFrame[]): number {
    const { isDevice } = this.#sink;
    let first = frames.length;
    while ((frames[first - 1]?.position ?? -1) >= this.#size) {
      first -= 1;
    }
    return isDevice ? frames.length : first;
  }

  /** Returns the digests that the blocks must have; undefined if the stream has none. */
  #digestsOf(frames: readonly BlockFrame[]): Binding.Digests | undefined {
    const algorithm = this.digest;
    if (algorithm === undefined) {
      return undefined;
    }
    const none = new Uint8Array(DIGEST_LENGTHS[algorithm]);
    return { algorithm, bytes: joined(...frames.map(({ digest }) => digest ?? none)) };
  }

  /** Settles when all batches so far are written. */
  drained(): Promise<void> {
    return this.#sequence.drained();
  }

  /** Marks the end of the batches. */
  end(): void {
    this.#sequence.end();
  }
}

/**
 * Converts a frame for the engine, which expects the length of zeros where other frames have that of the payload.
 *
 * @param limit most bytes that the block may have
 */
function engineFrame(
  { codec, position, offset, length, block }: BlockFrame,
  limit: number | undefined,
): Binding.Frame {
  if (codec === "zeros") {
    return { codec, position, offset: 0, length: block ?? 0, block };
  }
  // If the frame names the length of the block, `limitOf` has checked it.
  const most =
    block === undefined && limit !== undefined && limit < MAX_FRAME_LENGTH ? limit : undefined;
  return { codec, position, offset, length, block, most };
}
