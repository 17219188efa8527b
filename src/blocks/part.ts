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
  const grid = Math.max(GRID, blockSize);
  const boundary = (index: number): number => {
    if (index === 0) {
      return start;
    }
    const offset = start + Math.floor((end - start) / count) * index;
    return index === count ? end : Math.max(start, offset - (offset % grid));
  };
  return { start: boundary(number - 1), end: boundary(number) };
}
