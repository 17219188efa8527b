import type * as Binding from "../native/binding.js";
import type { Hashing } from "../protocol/digest.ts";

/** A hole of fewer blocks is left to the engine, which does not read it either. */
const MIN_BLOCKS = 64;

/** No more blocks of a hole are answered at once. */
const MAX_BLOCKS = 4096;

/** Blocks of zeros that nothing is stored for. */
interface Hole {
  /** Bytes of the blocks, a multiple of the size of a block. */
  length: number;
  /** Their digests, one after the other. */
  digests: Uint8Array;
}

/** The large holes of a file, whose digests are known without looking. */
export class Holes {
  readonly #engine: Binding.Engine;
  readonly #source: Binding.Source;
  readonly #hashing: Hashing;
  /** The first range with data at or behind where it was last asked for. */
  #data: Binding.DataRange = { start: 0, end: 0 };
  /** `MAX_BLOCKS` times the digest of a block of zeros. */
  #digests: Uint8Array | undefined;

  constructor(engine: Binding.Engine, source: Binding.Source, hashing: Hashing) {
    this.#engine = engine;
    this.#source = source;
    this.#hashing = hashing;
  }

  /** The hole that begins at `position`, as far as it is answered at once, or undefined where none of some size does. */
  async at(position: number, end: number): Promise<Hole | undefined> {
    // Within a hole too, each time: in a file that was cut off since, it is none any more, and reading says so.
    if (position < this.#data.start || position >= this.#data.end) {
      this.#data = await this.#engine.dataFrom(this.#source, position);
    }
    const { blockSize } = this.#hashing;
    const blocks = Math.floor((Math.min(this.#data.start, end) - position) / blockSize);
    if (blocks < MIN_BLOCKS) {
      return undefined;
    }
    const count = Math.min(blocks, MAX_BLOCKS);
    this.#digests ??= this.#repeat();
    const digestLength = this.#digests.length / MAX_BLOCKS;
    return {
      length: count * blockSize,
      digests: this.#digests.subarray(0, count * digestLength),
    };
  }

  #repeat(): Uint8Array {
    const { digest: algorithm, blockSize } = this.#hashing;
    const digest = this.#engine.zeroDigest(algorithm, blockSize);
    const digests = new Uint8Array(MAX_BLOCKS * digest.length);
    for (let at = 0; at < digests.length; at += digest.length) {
      digests.set(digest, at);
    }
    return digests;
  }
}
