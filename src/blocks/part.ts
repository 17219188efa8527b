/** Which of several parts of a file or device. */
export interface Part {
  /** From 1. */
  number: number;
  /** How many there are. */
  count: number;
}

/** Two processes that write next to each other are to share no block of a device, no page of memory and no stripe: bytes. */
const GRID = 1024 * 1024;

/**
 * One of several parts, of about the same length, of a range of a file or device: they do not overlap, and nothing is left out.
 *
 * @param end the offset behind the range, not before `start`
 */
export function partOf(
  { number, count }: Part,
  start: number,
  end: number,
  blockSize: number,
): { start: number; end: number } {
  const grid = Math.max(GRID, blockSize);
  const boundary = (place: number): number => {
    if (place === 0) {
      return start;
    }
    const offset = start + Math.floor((end - start) / count) * place;
    return place === count ? end : Math.max(start, offset - (offset % grid));
  };
  return { start: boundary(number - 1), end: boundary(number) };
}
