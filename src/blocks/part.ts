/** The number of a part of a file or device. */
export interface Part {
  /** Number of the part, from 1. */
  number: number;
  /** Number of all parts. */
  count: number;
}

/** Alignment of parts in bytes: neighbouring writers must not share a block of a device, a page or a stripe. */
const GRID = 1024 * 1024;

/**
 * Returns one of several parts of a range. All have about the same length, and together they cover the range.
 *
 * @param end the offset after the range, not less than `start`
 */
export function partOf(
  { number, count }: Part,
  start: number,
  end: number,
  blockSize: number,
): { start: number; end: number } {
  const grid = gridOf(blockSize);
  const boundary = (index: number): number => {
    if (index === 0) {
      return start;
    }
    const offset = start + Math.floor((end - start) / count) * index;
    return index === count ? end : Math.max(start, offset - (offset % grid));
  };
  return { start: boundary(number - 1), end: boundary(number) };
}

/** Bytes in a part of a copy over several streams: at least a batch, and at most what a slow stream may keep the others waiting for. */
const PART_BYTES = { least: 4 * 1024 * 1024, most: 1024 * 1024 * 1024 };

/** Parts for each stream: the last part of the slowest stream is what the others wait for. */
const PARTS_PER_STREAM = 32;

/** Most parts of a copy. Only a copy of more than 64 TiB needs longer parts for that. */
export const MOST_PARTS = 65_536;

/**
 * Returns the length of the parts of a copy.
 *
 * @param bytes bytes in the destination that are copied
 */
export function partLength(bytes: number, streams: number, blockSize: number): number {
  const { least, most } = PART_BYTES;
  const wanted = Math.min(most, Math.max(least, bytes / (streams * PARTS_PER_STREAM)));
  const grid = gridOf(blockSize);
  return Math.ceil(Math.max(wanted, bytes / MOST_PARTS) / grid) * grid;
}

/** Returns the alignment of the parts. */
export function gridOf(blockSize: number): number {
  return Math.max(GRID, blockSize);
}
