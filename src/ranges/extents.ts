/** A piece of a file or device. */
export interface Extent {
  /** Offset of its first byte. */
  start: number;
  /** Offset of the byte after its last one; not below `start`. */
  end: number;
}

/** What of a file a list of extents comes to. */
export interface Coverage {
  /** Whole blocks, in ascending order, with a gap between each two; the last one may be short. */
  extents: Extent[];
  /** Bytes of them all. */
  bytes: number;
  /** Whether what was asked for reaches beyond the end of the file: a larger source has more of it. */
  openEnded: boolean;
}

/**
 * `length` units of `unit` bytes from the unit `begin` on; undefined when one of the numbers is not whole and not
 * negative, or what they come to is more than 2^53-1.
 */
export function extentOf(begin: number, length: number, unit = 1): Extent | undefined {
  const [start, end] = [begin * unit, (begin + length) * unit];
  // What lies beyond 2^53-1 is rounded, but never to something below it.
  const numbers = [begin, length, begin + length, start, end];
  return numbers.every((number) => Number.isSafeInteger(number) && number >= 0)
    ? { start, end }
    : undefined;
}

/** Adds an extent to those in `list`; one that continues the last of them becomes part of it, which keeps the list short. */
export function append(list: Extent[], { start, end }: Extent): void {
  const last = list.at(-1);
  if (last !== undefined && start >= last.start && start <= last.end) {
    last.end = Math.max(last.end, end);
  } else if (end > start) {
    list.push({ start, end });
  }
}

/**
 * The blocks of a file of `size` bytes that `wanted` touches, in any order and overlapping. Blocks are counted from 0, so that
 * they are the same ones in each run, whatever the map.
 */
export function cover(wanted: readonly Extent[], size: number, blockLength: number): Coverage {
  const extents: Extent[] = [];
  let openEnded = false;
  for (const extent of wanted.toSorted((one, other) => one.start - other.start)) {
    openEnded ||= extent.end > size;
    append(extents, {
      start: Math.min(Math.floor(extent.start / blockLength) * blockLength, size),
      end: Math.min(Math.ceil(extent.end / blockLength) * blockLength, size),
    });
  }
  const bytes = extents.reduce((sum, { start, end }) => sum + end - start, 0);
  return { extents, bytes, openEnded };
}
