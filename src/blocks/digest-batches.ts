import type * as Binding from "../native/binding.js";
import { DIGEST_LENGTHS } from "../protocol/digest.ts";
import type { HashDecoder } from "../protocol/hash-stream/decoder.ts";
import type { HashFrame } from "../protocol/hash-stream/frames.ts";
import { MAX_FRAME_LENGTH } from "../protocol/limits.ts";
import type { Input } from "../transport/streams/input.ts";
import { settlesWithin } from "../transport/waiting/settles-within.ts";

/**
 * Blocks that blockcopy 0.0.2 sends at once. It sends an incomplete group only after a `rest`, and drops it if the stream
 * ends inside a frame.
 */
const GROUP = 16;

/** Most blocks in a batch, in whole groups: their headers and payloads fit into one writev(2), which takes 1024 buffers. */
const MAX_BLOCKS = 32 * GROUP;

/** Most bytes in a batch, unless a single block is larger. */
export const MAX_BATCH_LENGTH = 4 * 1024 * 1024;

/** Bytes of a slot: the largest block, or a full batch whose blocks are each widened to the alignment of direct I/O. */
export const BATCH_SLOT_LENGTH = MAX_FRAME_LENGTH + 1024 * 1024;

/** Bytes of the hash stream to read at once. */
const READ_LENGTH = 64 * 1024;

/** Milliseconds that an incomplete batch waits for more: a slow destination must not hold blocks back. */
const PATIENCE = 20;

/** Blocks of the source to compare together. */
export interface HashBatch {
  /** The blocks, in the order of the answer. */
  blocks: Binding.Range[];
  /** The destination's digest of each block, one after another; undefined if all blocks are to be sent. */
  digests: Uint8Array | undefined;
  /** Bytes of all blocks. */
  bytes: number;
  /** The offset of the mark to send after the answer; undefined without one. */
  mark?: number;
}

/** Options of {@link readHashBatches}. */
interface BatchOptions {
  /** Size of the source in bytes. */
  sourceSize: number;
  /** Answer a legacy hash stream in the order of blockcopy 0.0.2. */
  legacy: boolean;
}

/**
 * Reads the hash stream from an input and yields the blocks that it asks for, in batches, in the order of the stream.
 * Leaves out blocks beyond the end of the source.
 *
 * @throws ProtocolError, StreamError
 */
export async function* readHashBatches(
  input: Input,
  decoder: HashDecoder,
  options: BatchOptions,
): AsyncGenerator<HashBatch> {
  const batcher = new Batcher(decoder, options);
  const buffer = new Uint8Array(READ_LENGTH);
  let rest: Uint8Array = new Uint8Array(0);
  for (;;) {
    const streamOffset = input.bytes - rest.length;
    const reading = input.read(buffer);
    if (batcher.pending && !batcher.inLegacyOrder && !(await settlesWithin(reading, PATIENCE))) {
      yield* batcher.flush();
    }
    const count = await reading;
    if (count === 0) {
      const ended = decoder.ended(rest, streamOffset);
      yield* ended.code === "truncated-frame" ? batcher.flushGroups() : batcher.end();
      throw ended;
    }
    // A copy, which is mostly short: the digests of a batch are views into it.
    const filled = new Uint8Array(rest.length + count);
    filled.set(rest);
    filled.set(buffer.subarray(0, count), rest.length);
    const { frames, consumed, done } = decoder.decode(filled, streamOffset);
    for (const frame of frames) {
      // `yield*` would make an asynchronous iterator for each frame.
      for (const batch of batcher.add(frame)) {
        yield batch;
      }
    }
    if (done) {
      yield* batcher.end();
      return;
    }
    rest = filled.subarray(consumed);
  }
}

/** Collects the frames of a hash stream into batches. */
class Batcher {
  readonly #decoder: HashDecoder;
  readonly #sourceSize: number;
  readonly #legacy: boolean;
  #blocks: Binding.Range[] = [];
  #digests: Uint8Array[] = [];
  #bytes = 0;
  /** End of the last block, which is the position of the next deprecated `hash` frame. */
  #cursor = 0;
  /** The short block at the end of the destination, held back until it is known if a `rest` follows. */
  #last: (HashFrame & { kind: "hash"; position: number }) | undefined;

  constructor(decoder: HashDecoder, { sourceSize, legacy }: BatchOptions) {
    this.#decoder = decoder;
    this.#sourceSize = sourceSize;
    this.#legacy = legacy;
  }

  /** True to send in the order of blockcopy 0.0.2. */
  get inLegacyOrder(): boolean {
    return this.#legacy && this.#decoder.hello?.accepts === undefined;
  }

  /** True if there is an incomplete batch. */
  get pending(): boolean {
    return this.#blocks.length > 0;
  }

  /** Adds the next frame. */
  *add(frame: HashFrame): Generator<HashBatch> {
    const last = this.#last;
    this.#last = undefined;
    if (frame.kind === "rest") {
      // Send the whole block of the source, so that all later blocks stay aligned to the block size, as the root requires.
      const grown = last !== undefined && last.position + last.length === frame.offset;
      yield* this.flushGroups();
      yield* this.#restFrom(grown ? last.position : frame.offset);
      return;
    }
    if (last !== undefined) {
      yield* this.#compare(last);
    }
    if (frame.kind === "mark") {
      yield* this.#mark(frame.offset);
      return;
    }
    const { position } = frame;
    if (position !== undefined && this.#isLast(position, frame.length)) {
      this.#last = { ...frame, position };
    } else {
      yield* this.#compare(frame);
    }
  }

  /** True if the destination may end inside a block of the source. Only extended streams have the same blocks on both sides. */
  #isLast(position: number, length: number): boolean {
    const { hello, hashing } = this.#decoder;
    return (
      hello?.accepts !== undefined &&
      length < hashing.blockSize &&
      position % hashing.blockSize === 0 &&
      position + length < this.#sourceSize
    );
  }

  /** Yields everything so far, and a batch without blocks for the mark: the other side waits for it. */
  *#mark(offset: number): Generator<HashBatch> {
    yield* this.flush();
    yield { blocks: [], digests: undefined, bytes: 0, mark: offset };
  }

  *#compare(frame: HashFrame & { kind: "hash" }): Generator<HashBatch> {
    const position = frame.position ?? this.#cursor;
    const present = Math.min(frame.length, Math.max(0, this.#sourceSize - position));
    this.#cursor = position + present;
    if (present === 0) {
      return;
    }
    if (this.#blocks.length === MAX_BLOCKS || this.#bytes + frame.length > MAX_BATCH_LENGTH) {
      yield* this.flush();
    }
    this.#blocks.push({ position, length: frame.length });
    this.#digests.push(frame.digest);
    this.#bytes += frame.length;
  }

  /** Yields the complete groups if the order is that of blockcopy 0.0.2; otherwise everything. */
  flushGroups(): Generator<HashBatch> {
    const { length } = this.#blocks;
    return this.#take(this.inLegacyOrder ? length - (length % GROUP) : length);
  }

  /** Yields everything, at the end of the stream. */
  *end(): Generator<HashBatch> {
    if (this.#last !== undefined) {
      yield* this.#compare(this.#last);
    }
    yield* this.flush();
  }

  /** Yields the batch so far; more frames may follow. */
  flush(): Generator<HashBatch> {
    return this.#take(this.#blocks.length);
  }

  *#take(count: number): Generator<HashBatch> {
    if (count === 0) {
      return;
    }
    const blocks = this.#blocks.splice(0, count);
    const digestLength = DIGEST_LENGTHS[this.#decoder.hashing.digest];
    const digests = new Uint8Array(count * digestLength);
    for (const [index, digest] of this.#digests.splice(0, count).entries()) {
      digests.set(digest, index * digestLength);
    }
    const bytes = blocks.reduce((sum, { length }) => sum + length, 0);
    this.#bytes -= bytes;
    yield { blocks, digests, bytes };
  }

  /** Yields all of the source from `offset` on. */
  *#restFrom(offset: number): Generator<HashBatch> {
    const { blockSize } = this.#decoder.hashing;
    const count = Math.min(MAX_BLOCKS, Math.ceil(MAX_BATCH_LENGTH / blockSize));
    for (let start = offset; start < this.#sourceSize; start += count * blockSize) {
      const end = Math.min(start + count * blockSize, this.#sourceSize);
      const blocks: Binding.Range[] = [];
      for (let position = start; position < end; position += blockSize) {
        blocks.push({ position, length: Math.min(blockSize, end - position) });
      }
      yield { blocks, digests: undefined, bytes: end - start };
    }
    this.#cursor = Math.max(offset, this.#sourceSize);
  }
}
