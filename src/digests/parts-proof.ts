import type { Division } from "../blocks/division.ts";
import { blocksIn, PartsDigest } from "../blocks/parts-digest.ts";
import { isWholeBlocks } from "../blocks/root.ts";
import type * as Binding from "../native/binding.js";
import { DIGEST_LENGTHS, type Hashing } from "../protocol/digest.ts";
import type { Proof } from "./replace-cache.ts";

/** A copy over several streams, as its sources have described it. */
interface Described {
  hashing: Hashing;
  /** Its parts. */
  division: Division;
  /** The stream, from 1, that has taken each part. */
  takers: Uint8Array;
  /** For each stream, the digest of the parts that its source has answered, as the source has named it at the end. */
  claims: readonly Uint8Array[];
  /** Size of the source. */
  size: number;
}

/**
 * Compares the digests of a destination with what the sources of all streams have said about theirs. No stream has the root of the source, but
 * each has a digest of the parts that it answers; together these are all blocks.
 */
export class PartsProof implements Proof {
  readonly #described: Described;
  readonly #found: readonly PartsDigest[];
  /** False if the source ends inside a block of the destination, whose digest then does not tell. */
  readonly #whole: boolean;

  /** @param all bytes in the destination */
  constructor(native: typeof Binding, described: Described, all: number) {
    const { hashing, claims, size } = described;
    this.#described = described;
    this.#found = claims.map(() => new PartsDigest(native, hashing));
    this.#whole = isWholeBlocks({ size, all }, hashing);
  }

  add(position: number, length: number, digests: Uint8Array): void {
    const { division, takers, hashing, size } = this.#described;
    const { blockSize, digest } = hashing;
    const digestLength = DIGEST_LENGTHS[digest];
    const end = Math.min(position + length, size);
    for (let at = position; at < end;) {
      const part = division.partAt(at);
      const until = Math.min(end, part.end);
      const blocks = blocksIn(at, until - at, blockSize);
      const from = ((at - position) / blockSize) * digestLength;
      const found = this.#found[(takers[part.number] ?? 0) - 1];
      found?.add(blocks, digests.subarray(from, from + blocks.length * digestLength));
      at = until;
    }
  }

  holds(): boolean {
    const { claims, size } = this.#described;
    // A block of a part that no stream has taken is in none of these digests.
    return (
      this.#whole &&
      this.#isTaken() &&
      this.#found.every((found, index) => {
        const claim = claims[index];
        return claim !== undefined && Buffer.compare(found.finish(size), claim) === 0;
      })
    );
  }

  /** True if every part was taken, by a stream of this copy. */
  #isTaken(): boolean {
    const { division, takers, claims } = this.#described;
    return (
      takers.length >= division.parts &&
      takers.subarray(0, division.parts).every((taker) => taker >= 1 && taker <= claims.length)
    );
  }
}
