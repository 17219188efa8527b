import type * as Binding from "../native/binding.js";
import { DIGEST_LENGTHS, type Hashing } from "../protocol/digest.ts";
import type { RootDigest } from "../protocol/root-digest.ts";

/**
 * Computes the root digest of a file or device from the digests of all its blocks, in order (see docs/protocol.md).
 */
export class Root {
  readonly #hashing: Hashing;
  /** The engine's: Node's own takes 7 ms to load. */
  readonly #hash: Binding.RootHash;

  constructor({ RootHash }: typeof Binding, hashing: Hashing) {
    this.#hashing = hashing;
    this.#hash = new RootHash();
    const blockSize = Buffer.alloc(4);
    blockSize.writeUInt32BE(hashing.blockSize);
    this.#hash.add(Buffer.from(`blockcopy root 1 ${hashing.digest}\n`));
    this.#hash.add(blockSize);
  }

  /** Adds the digests of the next blocks. */
  add(digests: Uint8Array): void {
    this.#hash.add(digests);
  }

  /** Returns the root digest of `size` bytes, after all digests have been added. */
  finish(size: number): RootDigest {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(size));
    this.#hash.add(length);
    const { digest, blockSize } = this.#hashing;
    return { digest, blockSize, root: this.#hash.digest() };
  }
}

/** Computes the root digest of a source from the batches that are read, if they are all of its blocks in order. */
export class RootOfBatches {
  readonly #native: typeof Binding;
  readonly #size: number;
  #root: Root | undefined;
  #hashing: Hashing | undefined;
  #next = 0;
  #broken = false;

  /** @param size size of the source in bytes */
  constructor(native: typeof Binding, size: number) {
    this.#native = native;
    this.#size = size;
  }

  /** True if a batch continues the one before, so that its digests are needed. Call it once per batch, in order. */
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

  /** Adds the digests of a batch for which `wants` returned true, in order. */
  add(digests: Uint8Array): void {
    if (this.#hashing !== undefined) {
      this.#root ??= new Root(this.#native, this.#hashing);
      this.#root.add(digests);
    }
  }

  /** Returns the root digest; undefined if some of the source was not read. `hashing` is used for an empty source. */
  finish(hashing: Hashing): RootDigest | undefined {
    if (this.#broken || this.#next !== this.#size) {
      return undefined;
    }
    return (this.#root ?? new Root(this.#native, hashing)).finish(this.#size);
  }
}

/**
 * True if the first `size` of `all` bytes are whole blocks, so that their digests are those of the blocks. A block in which a prefix ends has
 * another digest.
 */
export function isWholeBlocks(
  { size, all }: { size: number; all: number },
  { blockSize }: Pick<Hashing, "blockSize">,
): boolean {
  return size === all || (size < all && size % blockSize === 0);
}

/** Computes the root digest of the first bytes of a file or device from the digests of all its blocks, in order. */
export class RootOfPrefix {
  readonly #hashing: Hashing;
  readonly #root: Root;
  readonly #size: number;
  readonly #whole: boolean;

  /** Takes the first `size` bytes of `all` bytes. */
  constructor(
    native: typeof Binding,
    hashing: Hashing,
    { size, all }: { size: number; all: number },
  ) {
    this.#hashing = hashing;
    this.#root = new Root(native, hashing);
    this.#size = size;
    this.#whole = isWholeBlocks({ size, all }, hashing);
  }

  /** Adds the digests of the blocks that cover `length` bytes from `position`. */
  add(position: number, length: number, digests: Uint8Array): void {
    const { digest, blockSize } = this.#hashing;
    const within = Math.max(0, Math.min(length, this.#size - position));
    const count = Math.ceil(within / blockSize);
    this.#root.add(digests.subarray(0, count * DIGEST_LENGTHS[digest]));
  }

  /** True if the result is `root`, after all digests have been added. */
  is(root: RootDigest | undefined): boolean {
    const found = this.#root.finish(this.#size);
    return this.#whole && root !== undefined && Buffer.compare(found.root, root.root) === 0;
  }
}

/** Returns a line of text that is equal for equal content, for people to compare. */
export function rootLine({ digest, blockSize, root }: RootDigest, size: number): string {
  return `blockcopy-root ${digest}/${blockSize} ${size} ${Buffer.from(root).toString("hex")}\n`;
}
