/** The default block size. The last block of a range is shorter if the range ends inside it. */
export const DEFAULT_BLOCK_SIZE = 131072;

/** The smallest block size that can be chosen: the digest must be a small fraction of the block. */
const MIN_BLOCK_SIZE = 4096;

/**
 * The largest length that a frame may name. The length is checked against this before memory is allocated for it.
 */
export const MAX_FRAME_LENGTH = 16 * 1024 * 1024;

/** True for a block size that can be chosen: a power of two from 4 KiB to 16 MiB. */
export function isBlockSize(bytes: number): boolean {
  return bytes >= MIN_BLOCK_SIZE && bytes <= MAX_FRAME_LENGTH && Number.isInteger(Math.log2(bytes));
}

/**
 * The largest byte offset in a file or device, 2^53-1. The wire allows 2^64-1, but numbers of JavaScript are not exact
 * beyond this.
 */
export const MAX_POSITION = Number.MAX_SAFE_INTEGER;
