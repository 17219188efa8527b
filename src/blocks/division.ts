import { type Extent, type ExtentList, lastNotAfter } from "../ranges/extents.ts";
import { gridOf } from "./part.ts";

/** The parts of what is to be copied. There is at least one, which may be empty, because something may follow it. */
export class Division {
  readonly #extents: ExtentList;
  /** The parts: each ends where the next one begins, and the last one never does. */
  readonly #parts: readonly Extent[];

  /**
   * Divides extents into parts of about `length` bytes. The first bytes of a part, and the last ones of the part before, never lie between
   * the same multiples of the alignment: two processes may write to them.
   *
   * @param extents in ascending order, without overlaps
   */
  constructor(extents: ExtentList, length: number, blockSize: number) {
    const grid = gridOf(blockSize);
    this.#extents = extents;
    const begins = [extents.at(0)?.start ?? 0];
    let bytes = 0;
    let last = 0;
    for (const { start, end } of extents) {
      for (let at = start; at < end;) {
        if (bytes >= length && last <= at - (at % grid)) {
          begins.push(at);
          bytes = 0;
        }
        // Up to the multiple after what the part lacks.
        const wanted = at + Math.max(1, length - bytes);
        const over = wanted % grid;
        last = Math.min(end, over === 0 ? wanted : wanted + grid - over);
        bytes += last - at;
        at = last;
      }
    }
    this.#parts = begins.map((start, number) => ({ start, end: begins[number + 1] ?? Infinity }));
  }

  /** The number of parts. */
  get parts(): number {
    return this.#parts.length;
  }

  /** Returns the number of the part that an offset belongs to, from 0, and the offset at which the next one begins. All after the end belongs to the last one. */
  partAt(offset: number): { number: number; end: number } {
    const number = Math.max(0, lastNotAfter(this.#parts, offset));
    return { number, end: this.#parts[number]?.end ?? Infinity };
  }

  /** Returns the range around the extents of a part, by its number from 0. */
  around(number: number): Extent {
    const { start, end: next } = this.#parts[number] ?? { start: 0, end: Infinity };
    const last = this.#extents.at(lastNotAfter(this.#extents, next - 1));
    return { start, end: Math.max(start, Math.min(last?.end ?? 0, next)) };
  }

  /** Yields the extents of a part. */
  *extents(number: number): Generator<Extent> {
    const { start, end } = this.around(number);
    let index = Math.max(0, lastNotAfter(this.#extents, start));
    for (let extent = this.#extents.at(index); extent !== undefined && extent.start < end;) {
      yield { start: Math.max(extent.start, start), end: Math.min(extent.end, end) };
      index += 1;
      extent = this.#extents.at(index);
    }
  }
}
