import type { Hashing } from "../digest.ts";
import { encodeDone, encodeHashFrames, encodeRest } from "./frames.ts";
import { encodeHello, type Hello } from "./hello.ts";
import type { RootDigest } from "../root-digest.ts";
import { Seal } from "../seal.ts";

/** What an extended hash stream says of itself beside how its blocks are digested. */
export type Greeting = Omit<Hello, keyof Hashing>;

/** Encodes a hash stream: an extended one where there is a greeting, and what blockcopy 0.0.2 reads where not. */
export class HashEncoder {
  readonly #hashing: Hashing;
  readonly #greeting: Greeting | undefined;
  readonly #seal = new Seal();

  constructor(hashing: Hashing, greeting: Greeting | undefined) {
    this.#hashing = hashing;
    this.#greeting = greeting;
  }

  /**
   * What the stream begins with.
   * @param room whether there is to be room for a root that is not known yet; with the root it then is as long
   */
  begin(room = false): Uint8Array[] {
    return this.#greeting === undefined
      ? []
      : [encodeHello({ ...this.#hashing, ...this.#greeting }, room)];
  }

  /** What it begins with now that the root is known. */
  beginWith({ root }: RootDigest): Uint8Array {
    return encodeHello({ ...this.#hashing, ...this.#greeting, root });
  }

  /**
   * The frames of consecutive blocks; see `encodeHashFrames`.
   * @throws RangeError
   */
  blocks(position: number, length: number, digests: Uint8Array): Uint8Array {
    const { blockSize, digest } = this.#hashing;
    const frames = encodeHashFrames(position, length, blockSize, digests, digest);
    this.#seal.add(frames, Math.ceil(length / blockSize));
    return frames;
  }

  /** The frame that asks for everything from `offset` on. */
  rest(offset: number): Uint8Array {
    const frame = encodeRest(offset);
    this.#seal.add(frame);
    return frame;
  }

  /** What the stream ends with. */
  end(root: RootDigest | undefined): Uint8Array[] {
    return this.#greeting?.accepts === undefined
      ? [encodeDone()]
      : [this.#seal.encode(root), encodeDone()];
  }
}
