import { gridOf, partLength } from "../../blocks/part.ts";
import { DIGEST_LENGTHS, type Hashing } from "../../protocol/digest.ts";
import { ProtocolError } from "../../protocol/error.ts";
import { HashDecoder } from "../../protocol/hash-stream/decoder.ts";
import type { HashFrame } from "../../protocol/hash-stream/frames.ts";
import type { ReceivedHello } from "../../protocol/hash-stream/hello.ts";
import { Condition } from "../../transport/waiting/condition.ts";

/** A part of the destination. */
export interface DigestPart {
  /** Its number, from 0. */
  number: number;
  /** Its range. */
  start: number;
  end: number;
  /** The digest of each block, one after another. */
  digests: Uint8Array;
  /** True for the last part, which includes what the source has after the end of the destination. */
  isLast: boolean;
}

/** A hello that names its destination. */
export interface NamedHello extends ReceivedHello {
  size: number;
  root: Uint8Array;
  accepts: NonNullable<ReceivedHello["accepts"]>;
}

/** Bytes in a `Hash` frame without its digest. */
const FRAME_LENGTH = 16;

/**
 * Most bytes in the `Hash` frames of a part. A stream may have two parts that are not answered, which together fit into a pipe, so that
 * no write has to wait for a source.
 */
const MOST_FRAMES = 448 * 1024;

/**
 * Takes the digests of a destination, all of it in order, and divides them into parts for several sources. It holds as many parts as there are
 * streams, until they are taken.
 */
export class DigestParts {
  readonly #streams: number;
  readonly #decoder = new HashDecoder();
  /** Bytes of an incomplete frame, and their offset in the stream. */
  #rest: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #hello: NamedHello | undefined;
  /** Bytes in each part but the last one. */
  #length = 0;
  /** The part whose digests arrive. */
  #part: DigestPart | undefined;
  /** The end of the last block whose digest has arrived. */
  #end = 0;
  #hasRest = false;
  #isDone = false;
  #ready: DigestPart[] = [];
  #taken = 0;
  #failure: { error: unknown } | undefined;
  readonly #condition = new Condition();

  /** @param streams the number of streams that take parts */
  constructor(streams: number) {
    this.#streams = streams;
  }

  /** The number of parts, once the hello has arrived. */
  get count(): number {
    return Math.max(1, Math.ceil((this.#hello?.size ?? 0) / this.#length));
  }

  /** True if few parts are left: a stream that takes two at once could be the last to finish. */
  get isNearEnd(): boolean {
    return this.count - this.#taken < 2 * this.#streams;
  }

  /**
   * Returns the hello of the destination when it has arrived.
   *
   * @throws the failure that ended the stream
   */
  async hello(): Promise<NamedHello> {
    for (;;) {
      this.#throwFailure();
      if (this.#hello !== undefined) {
        return this.#hello;
      }
      await this.#condition.change();
    }
  }

  /**
   * Takes the next part, when it has arrived. Returns undefined if all have been taken.
   *
   * @throws the failure that ended the stream
   */
  async next(): Promise<DigestPart | undefined> {
    while (this.#ready.length === 0 && !this.#isDone) {
      this.#throwFailure();
      await this.#condition.change();
    }
    this.#throwFailure();
    const part = this.#ready.shift();
    this.#taken += part === undefined ? 0 : 1;
    this.#condition.changed();
    return part;
  }

  /**
   * Takes the next bytes of the hash stream. Waits while enough parts are ready.
   *
   * @throws ProtocolError
   */
  async take(chunk: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) {
      // Dropped: a destination that waited for a reader could not end, and its own failure would not be reported.
      return;
    }
    try {
      await this.#takeFrames(chunk);
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  /** Takes the end of the input. If the stream is not complete, whoever waits for a part gets the error. */
  closed(): void {
    if (!this.#isDone && this.#failure === undefined) {
      this.fail(this.#decoder.ended(this.#rest, this.#offset));
    }
  }

  /** Gives no more parts, and drops what arrives. The first failure counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#ready = [];
    this.#condition.changed();
  }

  /**
   * Checks that the stream is complete.
   *
   * @throws ProtocolError if it is not; the failure that ended it
   */
  end(): void {
    this.#throwFailure();
    if (!this.#isDone) {
      throw this.#decoder.ended(this.#rest, this.#offset);
    }
  }

  async #takeFrames(chunk: Uint8Array): Promise<void> {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const { frames, consumed, done } = this.#decoder.decode(bytes, this.#offset);
    this.#rest = Uint8Array.from(bytes.subarray(consumed));
    this.#offset += consumed;
    if (this.#hello === undefined && (this.#decoder.hello !== undefined || frames.length > 0)) {
      this.#begin(this.#decoder.hello);
    }
    for (const frame of frames) {
      const complete = this.#add(frame);
      if (complete !== undefined) {
        await this.#offer(complete);
      }
    }
    if (done && !this.#isDone) {
      await this.#finish();
    }
  }

  /** Takes the hello, which every other frame follows. */
  #begin(hello: ReceivedHello | undefined): void {
    const { size, root, accepts } = hello ?? {};
    if (hello === undefined || size === undefined || root === undefined || accepts === undefined) {
      throw new ProtocolError(
        "unsupported",
        0,
        "the digests do not name the size and the root of their destination",
      );
    }
    this.#hello = { ...hello, size, root, accepts };
    this.#length = lengthOfParts(size, this.#streams, hello);
    this.#condition.changed();
  }

  /** Takes a frame. Returns the part that is complete by now, unless it is the last one. */
  #add(frame: HashFrame): DigestPart | undefined {
    const { blockSize, digest } = this.#decoder.hashing;
    const size = this.#hello?.size ?? 0;
    if (frame.kind === "rest" && frame.offset === size && this.#end === size) {
      this.#hasRest = true;
      return undefined;
    }
    const length = Math.min(blockSize, size - this.#end);
    if (frame.kind !== "hash" || frame.position !== this.#end || frame.length !== length) {
      throw new ProtocolError(
        "damaged",
        frame.streamOffset,
        `the frames are not those of all blocks in order, at byte ${frame.streamOffset} of the digests`,
      );
    }
    const part = this.#open(size, { blockSize, digest });
    part.digests.set(
      frame.digest,
      ((frame.position - part.start) / blockSize) * DIGEST_LENGTHS[digest],
    );
    this.#end += frame.length;
    if (this.#end < part.end || part.isLast) {
      return undefined;
    }
    this.#part = undefined;
    return part;
  }

  /** Returns the part to which the next block belongs. */
  #open(size: number, { blockSize, digest }: Hashing): DigestPart {
    if (this.#part === undefined) {
      const start = this.#end;
      const end = Math.min(start + this.#length, size);
      const digests = Math.ceil((end - start) / blockSize) * DIGEST_LENGTHS[digest];
      this.#part = {
        number: start / this.#length,
        start,
        end,
        digests: new Uint8Array(digests),
        isLast: end === size,
      };
    }
    return this.#part;
  }

  /** Offers the last part, which is sealed now, and ends the list. */
  async #finish(): Promise<void> {
    const hello = this.#hello;
    if (hello === undefined || !this.#hasRest) {
      throw new ProtocolError(
        "damaged",
        this.#offset,
        `the frames are not those of all blocks, at byte ${this.#offset} of the digests`,
      );
    }
    await this.#offer(this.#open(hello.size, hello));
    this.#isDone = true;
    this.#condition.changed();
  }

  async #offer(part: DigestPart): Promise<void> {
    while (this.#ready.length >= this.#streams && this.#failure === undefined) {
      await this.#condition.change();
    }
    if (this.#failure === undefined) {
      this.#ready.push(part);
      this.#condition.changed();
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) {
      throw this.#failure.error;
    }
  }
}

/** Returns the length of the parts of a destination: a multiple of the grid. */
function lengthOfParts(size: number, streams: number, { blockSize, digest }: Hashing): number {
  const grid = gridOf(blockSize);
  const blocks = Math.floor(MOST_FRAMES / (FRAME_LENGTH + DIGEST_LENGTHS[digest]));
  const most = Math.max(grid, Math.floor((blocks * blockSize) / grid) * grid);
  return Math.min(most, partLength(size, streams, blockSize));
}
