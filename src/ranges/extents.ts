/** A piece of a file or device. */
export interface Extent {
  /** Offset of its first byte. */
  start: number;
  /** Offset of the byte after its last one; not below `start`. */
  end: number;
}

/** The blocks of a file that a list of extents touches. */
export interface Coverage {
  /** Whole blocks, in ascending order, with gaps in between; the last block may be short. */
  extents: Extent[];
  /** Bytes of all extents. */
  bytes: number;
  /** True if the list reaches beyond the end of the file: a larger source has more to copy. */
  openEnded: boolean;
}

/**
 * Returns the extent of `length` units from unit `begin` on; undefined if a number is negative, not whole, or leads beyond
 * 2^53-1.
 */
export function extentOf(begin: number, length: number, unit = 1): Extent | undefined {
  const [start, end] = [begin * unit, (begin + length) * unit];
  // Results beyond 2^53-1 are rounded, but never to a number below it.
  const numbers = [begin, length, begin + length, start, end];
  return numbers.every((number) => Number.isSafeInteger(number) && number >= 0)
    ? { start, end }
    : undefined;
}

/** Adds an extent to `list`. Merges it with the last one if they touch, which keeps the list short. */
export function append(list: Extent[], { start, end }: Extent): void {
  const last = list.at(-1);
  if (last !== undefined && start >= last.start && start <= last.end) {
    last.end = Math.max(last.end, end);
  } else if (end > start) {
    list.push({ start, end });
  }
}

/** Returns the index of the last extent that does not begin after `position`; -1 if all do. They are in ascending order. */
export function lastNotAfter(extents: readonly Extent[], position: number): number {
  let [low, high] = [0, extents.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((extents[middle]?.start ?? Infinity) <= position) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low - 1;
}

/** Returns the parts of an extent that no extent of `covered` touches; those are in ascending order, without overlaps. */
export function outside({ start, end }: Extent, covered: readonly Extent[]): Extent[] {
  const parts: Extent[] = [];
  let at = start;
  for (const extent of covered) {
    append(parts, { start: at, end: Math.min(extent.start, end) });
    at = Math.max(at, extent.end);
  }
  append(parts, { start: at, end });
  return parts;
}

/**
 * Returns the blocks of a file of `size` bytes that `wanted` touches; its extents may overlap, in any order. Blocks are counted
 * from offset 0, so that every run uses the same ones.
 */
export function cover(wanted: readonly Extent[], size: number, blockLength: number): Coverage {
  const extents: Extent[] = [];
  let openEnded = false;
  for (const extent of [...wanted].sort((one, other) => one.start - other.start)) {
    openEnded ||= extent.end > size;
    append(extents, {
      start: Math.min(Math.floor(extent.start / blockLength) * blockLength, size),
      end: Math.min(Math.ceil(extent.end / blockLength) * blockLength, size),
    });
  }
  const bytes = extents.reduce((sum, { start, end }) => sum + end - start, 0);
  return { extents, bytes, openEnded };
}
