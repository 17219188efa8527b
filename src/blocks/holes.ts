import type * as Binding from "../native/binding.js";
import type { Hashing } from "../protocol/digest.ts";

/** The engine handles holes of fewer blocks, without reading them either. */
const MIN_BLOCKS = 64;

/** Most blocks of a hole to return at once. */
const MAX_BLOCKS = 4096;

/** Blocks inside a hole. */
interface Hole {
  /** Bytes of the blocks, a multiple of the block size. */
  length: number;
  /** The digests of the blocks, one after another. */
  digests: Uint8Array;
}

/** Finds the large holes of a file, whose digests are known without reading. */
export class Holes {
  readonly #engine: Binding.Engine;
  readonly #source: Binding.Source;
  readonly #hashing: Hashing;
  /** The first range with data at or after the last position. */
  #data: Binding.DataRange = { start: 0, end: 0 };
  /** The digest of a block of zeros, repeated `MAX_BLOCKS` times. */
  #digests: Uint8Array | undefined;

  constructor(engine: Binding.Engine, source: Binding.Source, hashing: Hashing) {
    this.#engine = engine;
    this.#source = source;
    this.#hashing = hashing;
  }

  /** Returns up to `MAX_BLOCKS` blocks of the hole that begins at `position`; undefined if there is no large hole. */
  async at(position: number, end: number): Promise<Hole | undefined> {
    // Ask again inside a hole too: if the file has been truncated in the meantime, reading detects that.
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
