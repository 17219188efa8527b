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

/** Bytes in a part of a copy over several streams: at least a batch, and at most what a slow stream may keep the others waiting for. */
const PART_BYTES = { least: 4 * 1024 * 1024, most: 1024 * 1024 * 1024 };

/** Parts for each stream: the last part of the slowest stream is what the others wait for. */
const PARTS_PER_STREAM = 32;

/** Most parts of a copy. Only a copy of more than 64 TiB needs longer parts for that. */
const MOST_PARTS = 65_536;

/** A copy whose streams take one part after the other. Every part but the last ends at a multiple of `length`. */
export interface CopyParts {
  /** Bytes in the destination before the copy. */
  size: number;
  /** The range of the destination that is copied. */
  start: number;
  end: number;
  /** Bytes in a part. */
  length: number;
  /** Number of streams. */
  streams: number;
  /** True if the last part includes what the source has after the end of the destination. */
  openEnded: boolean;
}

/**
 * Returns the length of the parts of a copy.
 *
 * @param bytes bytes in the destination that are copied
 */
export function partLength(bytes: number, streams: number, blockSize: number): number {
  const { least, most } = PART_BYTES;
  const wanted = Math.min(most, Math.max(least, bytes / (streams * PARTS_PER_STREAM)));
  const grid = Math.max(GRID, blockSize);
  return Math.ceil(Math.max(wanted, bytes / MOST_PARTS) / grid) * grid;
}

/** Returns the number of parts: at least one, which may be empty, because something may follow it. */
export function partsIn({ start, end, length }: CopyParts): number {
  const last = wholes(end, length) + (end % length === 0 ? 0 : 1);
  return Math.max(1, last - wholes(start, length));
}

/** Returns the range of a part of a copy, by its number from 0. */
export function extentOfPart(copy: CopyParts, number: number): { start: number; end: number } {
  const first = wholes(copy.start, copy.length);
  return {
    start: Math.max(copy.start, (first + number) * copy.length),
    end: Math.min(copy.end, (first + number + 1) * copy.length),
  };
}

/** Returns how often `length` fits into `offset`; exactly, where a quotient of large numbers would be rounded. */
function wholes(offset: number, length: number): number {
  return (offset - (offset % length)) / length;
}
