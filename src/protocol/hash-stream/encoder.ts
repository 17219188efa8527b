import type { Hashing } from "../digest.ts";
import { encodeDone, encodeHashFrames, encodeMark, encodeRest } from "./frames.ts";
import { encodeHello, type Hello } from "./hello.ts";
import type { RootDigest } from "../root-digest.ts";
import { Seal } from "../seal.ts";

/** The content of a hello, except for the hashing. */
export type Greeting = Omit<Hello, keyof Hashing>;

/** Encodes a hash stream: an extended one if there is a greeting, otherwise that of blockcopy 0.0.2. */
export class HashEncoder {
  readonly #hashing: Hashing;
  readonly #greeting: Greeting | undefined;
  /** Undefined for a stream that ends without one, as those of blockcopy 0.0.2. */
  readonly #seal: Seal | undefined;

  constructor(hashing: Hashing, greeting: Greeting | undefined) {
    this.#hashing = hashing;
    this.#greeting = greeting;
    this.#seal = greeting?.accepts === undefined ? undefined : new Seal();
  }

  /**
   * Returns the beginning of the stream.
   * @param options `reserveRoot`: reserve space for the root digest, to overwrite with `beginWith`
   */
  begin(options?: { reserveRoot: boolean }): Uint8Array[] {
    return this.#greeting === undefined
      ? []
      : [encodeHello({ ...this.#hashing, ...this.#greeting }, options)];
  }

  /** Returns the beginning of the stream with the root digest. It has the same length as the beginning with reserved space. */
  beginWith({ root }: RootDigest): Uint8Array {
    return encodeHello({ ...this.#hashing, ...this.#greeting, root });
  }

  /**
   * Encodes the frames of consecutive blocks; see `encodeHashFrames`.
   * @throws RangeError
   */
  blocks(position: number, length: number, digests: Uint8Array): Uint8Array {
    const { blockSize, digest } = this.#hashing;
    const frames = encodeHashFrames(position, length, blockSize, digests, digest);
    this.#seal?.add(frames, Math.ceil(length / blockSize));
    return frames;
  }

  /** Encodes the frame that asks for everything from `offset` on. */
  rest(offset: number): Uint8Array {
    const frame = encodeRest(offset);
    this.#seal?.add(frame);
    return frame;
  }

  /** Encodes the frame that asks for a mark in the answer, after the answer to everything before `offset`. */
  mark(offset: number): Uint8Array {
    const frame = encodeMark(offset);
    this.#seal?.add(frame);
    return frame;
  }

  /** Returns the end of the stream. */
  end(root: RootDigest | undefined): Uint8Array[] {
    return this.#seal === undefined ? [encodeDone()] : [this.#seal.encode(root), encodeDone()];
  }
}
