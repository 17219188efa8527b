/** Bytes in a block; the last one of a range is shorter when the range ends inside it. */
export const BLOCK_SIZE = 131072;

/**
 * Most bytes that a frame may name as its length. What the other end says is
 * checked against this before anything is allocated for it.
 */
export const MAX_FRAME_LENGTH = 16 * 1024 * 1024;

/**
 * The largest byte offset in a file or device, 2^53-1. The wire has room for
 * 2^64-1, but beyond this a number would no longer be exact.
 */
export const MAX_POSITION = Number.MAX_SAFE_INTEGER;
