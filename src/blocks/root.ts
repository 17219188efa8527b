import { createHash } from "node:crypto";

import { DIGEST_LENGTHS, type Hashing } from "../protocol/digest.ts";
import type { RootDigest } from "../protocol/root-digest.ts";

/**
 * Collects the digests of all blocks of a file or device, in order, to its root digest (see docs/protocol.md): two with the same
 * root have the same content.
 */
export class Root {
  readonly #hashing: Hashing;
  readonly #hash = createHash("sha3-512");

  /** `hashing` is how the blocks are digested. */
  constructor(hashing: Hashing) {
    this.#hashing = hashing;
    const blockSize = Buffer.alloc(4);
    blockSize.writeUInt32BE(hashing.blockSize);
    this.#hash.update(`blockcopy root 1 ${hashing.digest}\n`).update(blockSize);
  }

  /** Adds the digests of the next blocks, one after the other. */
  add(digests: Uint8Array): void {
    this.#hash.update(digests);
  }

  /** The root, once all digests have been added, of what has `size` bytes. */
  finish(size: number): RootDigest {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(size));
    const root = this.#hash.update(length).digest();
    const { digest, blockSize } = this.#hashing;
    return { digest, blockSize, root };
  }
}

/** Collects the root of a source from the batches that are read of it, as long as these are all of its blocks in order. */
export class RootOfBatches {
  readonly #size: number;
  #root: Root | undefined;
  #hashing: Hashing | undefined;
  #next = 0;
  #broken = false;

  /** `size` is that of the source, in bytes. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Whether a batch goes on where the one before has ended, so that its digests are wanted. To be asked in the order of the batches. */
  wants(blocks: readonly { position: number; length: number }[], hashing: Hashing): boolean {
    this.#hashing ??= hashing;
    const { digest, blockSize } = this.#hashing;
    this.#broken ||= digest !== hashing.digest || blockSize !== hashing.blockSize;
    for (const { position, length } of blocks) {
      const whole = Math.min(blockSize, this.#size - position);
      this.#broken ||= position !== this.#next || Math.min(length, this.#size - position) !== whole;
      this.#next = position + whole;
    }
    return !this.#broken;
  }

  /** Adds the digests of a batch that was wanted, in the order of the batches. */
  add(digests: Uint8Array): void {
    if (this.#hashing !== undefined) {
      this.#root ??= new Root(this.#hashing);
      this.#root.add(digests);
    }
  }

  /** The root, unless some of the source was not read. `hashing` is how blocks would have been digested where there were none. */
  finish(hashing: Hashing): RootDigest | undefined {
    if (this.#broken || this.#next !== this.#size) {
      return undefined;
    }
    return (this.#root ?? new Root(hashing)).finish(this.#size);
  }
}

/** The root of the first bytes of a file or device, collected from the digests of all its blocks, in order. */
export class RootOfPrefix {
  readonly #hashing: Hashing;
  readonly #root: Root;
  readonly #size: number;
  /** Whether it can be told from these digests: where the end lies inside of a block, it cannot. */
  readonly #whole: boolean;

  /** `size` bytes of `all`. */
  constructor(hashing: Hashing, size: number, all: number) {
    this.#hashing = hashing;
    this.#root = new Root(hashing);
    this.#size = size;
    this.#whole = size === all || (size < all && size % hashing.blockSize === 0);
  }

  /** Adds the digests of the blocks that cover `length` bytes from `position`. */
  add(position: number, length: number, digests: Uint8Array): void {
    const { digest, blockSize } = this.#hashing;
    const within = Math.max(0, Math.min(length, this.#size - position));
    const count = Math.ceil(within / blockSize);
    this.#root.add(digests.subarray(0, count * DIGEST_LENGTHS[digest]));
  }

  /** Whether it is `root`, once all digests have been added. */
  is(root: RootDigest | undefined): boolean {
    const found = this.#root.finish(this.#size);
    return this.#whole && root !== undefined && Buffer.compare(found.root, root.root) === 0;
  }
}

/** One line that is the same for all that have the same content: for audits, and for people to compare. */
export function rootLine({ digest, blockSize, root }: RootDigest, size: number): string {
  return `blockcopy-root ${digest}/${blockSize} ${size} ${Buffer.from(root).toString("hex")}\n`;
}
