import type * as Binding from "../native/binding.js";
import { DIGEST_LENGTHS, type Hashing } from "../protocol/digest.ts";

/** Bytes of the position (8) and the length (4) before each digest. */
const DIGEST_AT = 12;

/**
 * Computes one digest of all blocks that one of several streams answers, in order (see docs/protocol.md). No stream has all blocks, which a
 * root digest needs.
 */
export class PartsDigest {
  readonly #hash: Binding.RootHash;
  readonly #digestLength: number;

  constructor({ RootHash }: typeof Binding, { digest, blockSize }: Hashing) {
    this.#hash = new RootHash();
    this.#digestLength = DIGEST_LENGTHS[digest];
    const size = Buffer.alloc(4);
    size.writeUInt32BE(blockSize);
    this.#hash.add(Buffer.concat([Buffer.from(`blockcopy parts 1 ${digest}\n`), size]));
  }

  /**
   * Adds the next blocks.
   *
   * @param digests the digest of each block, one after the other
   */
  add(blocks: readonly { position: number; length: number }[], digests: Uint8Array): void {
    const entryLength = DIGEST_AT + this.#digestLength;
    const entries = Buffer.alloc(blocks.length * entryLength);
    for (const [index, { position, length }] of blocks.entries()) {
      const at = index * entryLength;
      entries.writeBigUInt64BE(BigInt(position), at);
      entries.writeUInt32BE(length, at + 8);
      const from = index * this.#digestLength;
      entries.set(digests.subarray(from, from + this.#digestLength), at + DIGEST_AT);
    }
    this.#hash.add(entries);
  }

  /** Returns the digest, for a source of `size` bytes. */
  finish(size: number): Uint8Array {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(size));
    this.#hash.add(length);
    return this.#hash.digest();
  }
}

/** Divides a range into blocks, counted from its beginning. */
export function blocksIn(
  position: number,
  length: number,
  blockSize: number,
): { position: number; length: number }[] {
  return Array.from({ length: Math.ceil(length / blockSize) }, (_, index) => ({
    position: position + index * blockSize,
    length: Math.min(blockSize, length - index * blockSize),
  }));
}
