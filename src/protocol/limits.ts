/** Bytes in a block where nothing else is said; the last one of a range is shorter when the range ends inside it. */
export const DEFAULT_BLOCK_SIZE = 131072;

/** Fewest bytes that a block may be chosen to have: its digest must be a small part of it. */
const MIN_BLOCK_SIZE = 4096;

/**
 * Most bytes that a frame may name as its length. What the other end says is
 * checked against this before anything is allocated for it.
 */
export const MAX_FRAME_LENGTH = 16 * 1024 * 1024;

/** Whether blocks may be chosen to have that many bytes: a power of two, from 4 KiB to 16 MiB. */
export function isBlockSize(bytes: number): boolean {
  return bytes >= MIN_BLOCK_SIZE && bytes <= MAX_FRAME_LENGTH && Number.isInteger(Math.log2(bytes));
}

/**
 * The largest byte offset in a file or device, 2^53-1. The wire has room for
 * 2^64-1, but beyond this a number would no longer be exact.
 */
export const MAX_POSITION = Number.MAX_SAFE_INTEGER;
