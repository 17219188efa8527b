/** A piece of a file or device. */
export interface Extent {
  /** Offset of its first byte. */
  readonly start: number;
  /** Offset of the byte after its last one; not below `start`. */
  readonly end: number;
}

/** Extents in a row: an array, or `Extents` where there may be millions. */
export interface ExtentList extends Iterable<Extent> {
  readonly length: number;
  /** Returns the extent with this index, counted from the end if it is negative; undefined outside of the list. */
  at: (index: number) => Extent | undefined;
}

/** The blocks of a file that a list of extents touches. */
export interface Coverage {
  /** Whole blocks, in ascending order, with gaps in between; the last block may be short. */
  extents: ExtentList;
  /** Bytes of all extents. */
  bytes: number;
  /** True if the list reaches beyond the end of the file: a larger source has more to copy. */
  openEnded: boolean;
}

/** Extents for which there is room in an empty list. */
const FIRST_ROOM = 64;

/** A list of extents that grows, with 16 bytes of memory for each. */
export class Extents implements ExtentList {
  /** Start and end of each extent in turn. A float is exact up to 2^53-1. */
  #numbers: Float64Array = new Float64Array(2 * FIRST_ROOM);
  #length = 0;

  /**
   * Returns a list of extents that are not empty, which uses the memory of its argument.
   *
   * @param numbers start and end of each extent in turn
   */
  static of(numbers: Float64Array): Extents {
    const extents = new Extents();
    extents.#numbers = numbers;
    extents.#length = numbers.length / 2;
    return extents;
  }

  get length(): number {
    return this.#length;
  }

  at(index: number): Extent | undefined {
    const each = index < 0 ? this.#length + index : index;
    return each >= 0 && each < this.#length ? this.#get(each) : undefined;
  }

  *[Symbol.iterator](): Generator<Extent> {
    for (let index = 0; index < this.#length; index += 1) yield this.#get(index);
  }

  /** Adds an extent, unless it is empty. Merges it with the last one if they touch, which keeps the list short. */
  append({ start, end }: Extent): void {
    const next = 2 * this.#length;
    const lastStart = this.#numbers[next - 2] ?? Infinity;
    const lastEnd = this.#numbers[next - 1] ?? -Infinity;
    if (start >= lastStart && start <= lastEnd) {
      this.#numbers[next - 1] = Math.max(lastEnd, end);
    } else if (end > start) {
      if (next === this.#numbers.length) {
        const old = this.#numbers;
        this.#numbers = new Float64Array(Math.max(2 * FIRST_ROOM, 2 * old.length));
        this.#numbers.set(old);
      }
      this.#numbers[next] = start;
      this.#numbers[next + 1] = end;
      this.#length += 1;
    }
  }

  #get(index: number): Extent {
    return { start: this.#numbers[2 * index] ?? 0, end: this.#numbers[2 * index + 1] ?? 0 };
  }
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

/** Returns the index of the last extent that does not begin after `position`; -1 if all do. They are in ascending order. */
export function lastNotAfter(extents: ExtentList, position: number): number {
  let [low, high] = [0, extents.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((extents.at(middle)?.start ?? Infinity) <= position) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low - 1;
}

/** Returns the parts of an extent that no extent of `covered` touches; those are in ascending order, without overlaps. */
export function outside({ start, end }: Extent, covered: ExtentList): Extents {
  const parts = new Extents();
  let at = start;
  for (const extent of covered) {
    parts.append({ start: at, end: Math.min(extent.start, end) });
    at = Math.max(at, extent.end);
  }
  parts.append({ start: at, end });
  return parts;
}

/**
 * Returns the blocks of a file of `size` bytes that `wanted` touches; its extents may overlap, in any order. Blocks are counted
 * from offset 0, so that every run uses the same ones.
 */
export function cover(wanted: ExtentList, size: number, blockLength: number): Coverage {
  const extents = new Extents();
  let openEnded = false;
  for (const extent of ascending(wanted)) {
    openEnded ||= extent.end > size;
    extents.append({
      start: Math.min(Math.floor(extent.start / blockLength) * blockLength, size),
      end: Math.min(Math.ceil(extent.end / blockLength) * blockLength, size),
    });
  }
  return { extents, bytes: bytesOf(extents), openEnded };
}

/** Returns the blocks of `extent` that `wanted` touches; blocks are counted from offset 0. */
export function within({ start, end }: Extent, wanted: ExtentList, blockLength: number): Extents {
  const parts = new Extents();
  for (const extent of cover(wanted, end, blockLength).extents) {
    parts.append({ start: Math.max(extent.start, start), end: extent.end });
  }
  return parts;
}

/** Returns the offset before which extents in ascending order leave nothing out. */
export function gaplessTo(extents: ExtentList): number {
  const first = extents.at(0);
  return first?.start === 0 ? first.end : 0;
}

/** Returns the number of bytes in extents that do not overlap. */
export function bytesOf(extents: ExtentList): number {
  let bytes = 0;
  for (const { start, end } of extents) bytes += end - start;
  return bytes;
}

/** Returns the bytes that two lists name, in ascending order and without overlaps. */
export function union(one: ExtentList, other: ExtentList): Extents {
  const both = new Extents();
  for (const list of [one, other]) {
    for (const extent of list) both.append(extent);
  }
  const merged = new Extents();
  for (const extent of ascending(both)) merged.append(extent);
  return merged;
}

/**
 * Yields extents that name the same bytes as often, by ascending start. The starts and the ends are sorted on their own: how
 * many extents contain a byte only depends on how many begin before it, and how many end there.
 */
function* ascending(extents: ExtentList): Generator<Extent> {
  const starts = new Float64Array(extents.length);
  const ends = new Float64Array(extents.length);
  let index = 0;
  for (const { start, end } of extents) {
    starts[index] = start;
    ends[index] = end;
    index += 1;
  }
  ends.sort();
  for (const [each, start] of starts.sort().entries()) yield { start, end: ends[each] ?? start };
}
