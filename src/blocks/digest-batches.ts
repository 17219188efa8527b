import { setTimeout as sleep } from "node:timers/promises";

import type * as Binding from "../native/binding.js";
import { DIGEST_LENGTHS } from "../protocol/digest.ts";
import type { HashDecoder } from "../protocol/hash-stream/decoder.ts";
import type { HashFrame } from "../protocol/hash-stream/frames.ts";
import { MAX_FRAME_LENGTH } from "../protocol/limits.ts";
import { Input } from "../transport/streams/streams.ts";

/**
 * Blocks that blockcopy 0.0.2 passes on together: a group that is not full yet goes out behind a `rest`, and not at
 * all when the stream then ends inside a frame.
 */
const GROUP = 16;

/** A batch holds no more blocks than this, whole groups: the frames that answer them, header and payload, go out in one writev(2). */
const MAX_BLOCKS = 32 * GROUP;

/** A batch holds no more bytes than this, unless a single block is larger. */
export const MAX_BATCH_LENGTH = 4 * 1024 * 1024;

/** Room for the largest block, or for a full batch of blocks that are widened to the alignment of direct I/O on both sides, in bytes. */
export const BATCH_SLOT_LENGTH = MAX_FRAME_LENGTH + 1024 * 1024;

/** Bytes of the hash stream that are read at once. */
const READ_LENGTH = 64 * 1024;

/** How long a batch that is not full waits for more, in milliseconds: a slow destination must not hold up blocks. */
const PATIENCE = 20;

/** Blocks of the source to read together. */
export interface HashBatch {
  /** The blocks, in the order in which they are to be answered. */
  blocks: Binding.Range[];
  /** The destination's digest of each block, one after the other; undefined when all of the blocks are wanted. */
  digests: Uint8Array | undefined;
  /** Length of all the blocks. */
  bytes: number;
}

/**
 * Reads the hash stream from standard input, which `decoder` decodes, and yields what it asks for of a source of
 * `sourceSize` bytes, in batches, in the order of the stream. Blocks that lie beyond the end of the source are left out.
 * With `exactWire` the order is that of blockcopy 0.0.2.
 *
 * @throws ProtocolError, StreamError
 */
export async function* readHashBatches(
  native: typeof Binding,
  decoder: HashDecoder,
  sourceSize: number,
  exactWire: boolean,
): AsyncGenerator<HashBatch> {
  const input = new Input(native, "hash stream");
  const batcher = new Batcher(decoder, sourceSize, exactWire);
  let rest: Uint8Array = new Uint8Array(0);
  for (;;) {
    // A new buffer each time: the digests of a batch are views into the one that they came in.
    const buffer = new Uint8Array(rest.length + READ_LENGTH);
    buffer.set(rest);
    const streamOffset = input.bytes - rest.length;
    const reading = input.read(buffer.subarray(rest.length));
    if (batcher.pending && !batcher.exact && !(await soon(reading))) {
      yield* batcher.flush();
    }
    const count = await reading;
    if (count === 0) {
      const ended = decoder.ended(rest, streamOffset);
      yield* ended.code === "truncated-frame" ? batcher.flushGroups() : batcher.end();
      throw ended;
    }
    const filled = buffer.subarray(0, rest.length + count);
    const { frames, consumed, done } = decoder.decode(filled, streamOffset);
    for (const frame of frames) {
      yield* batcher.add(frame);
    }
    if (done) {
      yield* batcher.end();
      return;
    }
    rest = filled.subarray(consumed);
  }
}

/** Whether a promise is settled soon. */
async function soon(promise: Promise<unknown>): Promise<boolean> {
  const patience = new AbortController();
  const settled = promise.then(
    () => true,
    // Whoever awaits the promise itself gets the error.
    () => true,
  );
  const timeout = sleep(PATIENCE, false, { signal: patience.signal }).catch(() => false);
  const result = await Promise.race([settled, timeout]);
  patience.abort();
  return result;
}

/** Collects the frames of a hash stream into batches. */
class Batcher {
  readonly #decoder: HashDecoder;
  readonly #sourceSize: number;
  readonly #exactWire: boolean;
  #blocks: Binding.Range[] = [];
  #digests: Uint8Array[] = [];
  #bytes = 0;
  /** Where the source was last read to: the position of the deprecated `hash` frame. */
  #cursor = 0;
  /** The block in which the destination ends, while it is not known whether the source is to go on there. */
  #last: (HashFrame & { kind: "hash"; position: number }) | undefined;

  constructor(decoder: HashDecoder, sourceSize: number, exactWire: boolean) {
    this.#decoder = decoder;
    this.#sourceSize = sourceSize;
    this.#exactWire = exactWire;
  }

  /** Whether the order is to be that of blockcopy 0.0.2, which knows no extended stream. */
  get exact(): boolean {
    return this.#exactWire && this.#decoder.hello?.accepts === undefined;
  }

  /** Whether there is a batch that is not full yet. */
  get pending(): boolean {
    return this.#blocks.length > 0;
  }

  /** Takes the next frame. */
  *add(frame: HashFrame): Generator<HashBatch> {
    const last = this.#last;
    this.#last = undefined;
    if (frame.kind === "rest") {
      // The whole block then, as the source has it: those behind it stay on the grid, without which there is no root.
      const grown = last !== undefined && last.position + last.length === frame.offset;
      yield* this.flushGroups();
      yield* this.#restFrom(grown ? last.position : frame.offset);
      return;
    }
    if (last !== undefined) {
      yield* this.#compare(last);
    }
    const { position } = frame;
    if (position !== undefined && this.#isLast(position, frame.length)) {
      this.#last = { ...frame, position };
    } else {
      yield* this.#compare(frame);
    }
  }

  /** Whether the destination seems to end in a block in which the source goes on. Only extended streams have a grid for both. */
  #isLast(position: number, length: number): boolean {
    const { hello, hashing } = this.#decoder;
    return (
      hello?.accepts !== undefined &&
      length < hashing.blockSize &&
      position % hashing.blockSize === 0 &&
      position + length < this.#sourceSize
    );
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

  /** Passes on what blockcopy 0.0.2 would have passed on by now, where the order is to be its own. */
  flushGroups(): Generator<HashBatch> {
    const { length } = this.#blocks;
    return this.#take(this.exact ? length - (length % GROUP) : length);
  }

  /** Passes on all that is there, at the end of the stream or of one that was cut off. */
  *end(): Generator<HashBatch> {
    if (this.#last !== undefined) {
      yield* this.#compare(this.#last);
    }
    yield* this.flush();
  }

  /** Passes on all that is there, while there may be more. */
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

  /** All of the source from `offset` on, in full-size blocks. */
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
