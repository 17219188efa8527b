import { createHash } from "node:crypto";

import { DEFAULT_DIGEST, type DigestName } from "../protocol/digest.ts";
import { BLOCK_SIZE } from "../protocol/limits.ts";
import type { RootDigest } from "../protocol/tail-fields.ts";

/**
 * Collects the digests of all blocks of a file or device, in order, to its root digest (see docs/protocol.md): two with the same
 * root have the same content.
 */
export class Root {
  readonly #digest: DigestName;
  readonly #hash = createHash("sha3-512");

  /** `digest` is the algorithm of the blocks' digests. */
  constructor(digest: DigestName) {
    this.#digest = digest;
    const blockSize = Buffer.alloc(4);
    blockSize.writeUInt32BE(BLOCK_SIZE);
    this.#hash.update(`blockcopy root 1 ${digest}\n`).update(blockSize);
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
    return { digest: this.#digest, blockSize: BLOCK_SIZE, root };
  }
}

/** Collects the root of a source from the batches that are read of it, as long as these are all of its blocks in order. */
export class RootOfBatches {
  readonly #size: number;
  #root: Root | undefined;
  #digest: DigestName | undefined;
  #next = 0;
  #broken = false;

  /** `size` is that of the source, in bytes. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Whether a batch goes on where the one before has ended, so that its digests are wanted. To be asked in the order of the batches. */
  wants(blocks: readonly { position: number; length: number }[], digest: DigestName): boolean {
    this.#digest ??= digest;
    this.#broken ||= this.#digest !== digest;
    for (const { position, length } of blocks) {
      const whole = Math.min(BLOCK_SIZE, this.#size - position);
      this.#broken ||= position !== this.#next || Math.min(length, this.#size - position) !== whole;
      this.#next = position + whole;
    }
    return !this.#broken;
  }

  /** Adds the digests of a batch that was wanted, in the order of the batches. */
  add(digests: Uint8Array): void {
    if (this.#digest !== undefined) {
      this.#root ??= new Root(this.#digest);
      this.#root.add(digests);
    }
  }

  /** The root, unless some of the source was not read. */
  finish(): RootDigest | undefined {
    if (this.#broken || this.#next !== this.#size) {
      return undefined;
    }
    return (this.#root ?? new Root(DEFAULT_DIGEST)).finish(this.#size);
  }
}

/** One line that is the same for all that have the same content: for audits, and for people to compare. */
export function rootLine({ digest, blockSize, root }: RootDigest, size: number): string {
  return `blockcopy-root ${digest}/${blockSize} ${size} ${Buffer.from(root).toString("hex")}\n`;
}
