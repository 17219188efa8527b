import type * as Binding from "../native/binding.js";
import {
  BLOCK_HEADER_LENGTH,
  type BlockFrame,
  blockStreamEnded,
  decodeBlockFrames,
} from "../protocol/block-stream.ts";
import { MAX_FRAME_LENGTH } from "../protocol/limits.ts";
import { Input } from "../transport/streams.ts";
import type { StageContext } from "./context.ts";
import { Sequence } from "./sequence.ts";
import { type Slot, Slots } from "./slots.ts";

/** One slot is being filled, one is being written, and one is on its way between. */
const SLOTS = 3;

/** Room for the largest frame with its header, and for one read behind it. */
const SLOT_LENGTH = MAX_FRAME_LENGTH + 64 * 1024;

/** How much is gathered while the writing of the batch before goes on, unless a single frame is larger, in bytes. */
const BATCH_LENGTH = 4 * 1024 * 1024;

/** Where to write to. */
export interface SaveOptions {
  /** File or device to copy to. It must exist. */
  file: string;
  /** Write even to a device that is mounted or held. */
  force: boolean;
}

/**
 * Reads a block stream from standard input and writes its blocks to a file or device. Done when they are on the
 * disk.
 *
 * @throws ProtocolError, the engine's failures, and those of the stream
 */
export async function save(context: StageContext, options: SaveOptions): Promise<void> {
  const { native, engine, progress, debug } = context;
  const input = new Input(native, "block stream");
  const sink = await engine.openSink(options.file, options.force);
  debug(
    `${options.file}: ${sink.size} bytes, ${sink.isDevice ? "a block device" : "a regular file"}`,
  );
  progress.begin(undefined);
  const writer = new Writer(context, sink);
  await Promise.all([receive(input, writer), writer.finished]);
  debug(`${input.bytes} bytes received, waiting for the disk`);
  await engine.sync(sink);
}

/** Reads the stream to its end and passes its frames on. */
async function receive(input: Input, writer: Writer): Promise<void> {
  let batch = await writer.begin(new Uint8Array(0));
  for (;;) {
    // Beyond the batch only as far as the frame that is at its end.
    const limit = Math.max(BATCH_LENGTH, batch.parsed + batch.needed);
    const count = await input.read(batch.slot.memory.subarray(batch.filled, limit));
    const parsedTo = input.bytes - count - (batch.filled - batch.parsed);
    if (count === 0) {
      const ended = blockStreamEnded(
        batch.slot.memory.subarray(batch.parsed, batch.filled),
        parsedTo,
      );
      // What came whole is written, also when the other end then went away.
      writer.write(batch);
      await writer.drained();
      throw ended;
    }
    batch.filled += count;
    const decoded = decodeBlockFrames(batch.slot.memory, batch.parsed, batch.filled, parsedTo);
    batch.frames.push(...decoded.frames);
    batch.parsed += decoded.consumed;
    batch.needed = Math.max(decoded.needed, BLOCK_HEADER_LENGTH);
    if (decoded.done) {
      writer.write(batch);
      writer.end();
      return;
    }
    const noRoom = batch.parsed + batch.needed > batch.slot.memory.length;
    if (noRoom || (batch.frames.length > 0 && (writer.idle || batch.filled >= BATCH_LENGTH))) {
      const next = await writer.begin(batch.slot.memory.subarray(batch.parsed, batch.filled));
      next.needed = batch.needed;
      writer.write(batch);
      batch = next;
    }
  }
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
class Writer {
  readonly #context: StageContext;
  readonly #sink: Binding.Sink;
  readonly #slots: Slots;
  readonly #sequence = new Sequence();
  #waiting = 0;

  constructor(context: StageContext, sink: Binding.Sink) {
    this.#context = context;
    this.#sink = sink;
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
    const slot = await this.#slots.take();
    slot.memory.set(carry);
    return { slot, frames: [], parsed: 0, filled: carry.length, needed: BLOCK_HEADER_LENGTH };
  }

  /** Writes the frames of a batch after those of the batches before. */
  write({ slot, frames }: Batch): void {
    this.#waiting += 1;
    this.#sequence.add(Promise.resolve(), async () => {
      if (frames.length > 0) {
        const written = await this.#context.engine.apply(
          this.#sink,
          this.#slots.slab,
          slot.index,
          frames.map(({ codec, ...frame }) => ({ ...frame, compressed: codec === "dlzm" })),
        );
        this.#context.progress.advance(written);
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
