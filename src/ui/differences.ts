import type { Range } from "./programs/event-values.ts";

/** The start of a file with ranges: a comment. */
export const RANGES_BEGINNING = "# blockcopy: ranges that differ";

/** The ranges in which two files differ, as the side that compares them reports them. */
export class Differences {
  /** The most ranges to keep; 0 to keep only the offset of the first. */
  readonly #most: number;
  /** The offset and the length of each range in turn: two numbers take a fraction of the memory of an object. */
  readonly #numbers: number[] = [];
  /** Offset of the first range; null before any was added. */
  first: number | null = null;
  #end = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Adds ranges, in ascending order after those that were added before.
   *
   * @returns the reason for a message if they cannot be added; undefined otherwise
   */
  add(ranges: readonly Range[]): string | undefined {
    for (const [offset, length] of ranges) {
      if (length === 0 || offset < this.#end || !Number.isSafeInteger(offset + length)) {
        return "the ranges that differ are not in ascending order";
      }
      if (this.#most > 0 && !this.#keep(offset, length)) {
        return `more than ${this.#most} ranges differ`;
      }
      this.first ??= offset;
      this.#end = offset + length;
    }
    return undefined;
  }

  /** Returns a range map that `--ranges` reads. */
  text(): string {
    const lines = [`${RANGES_BEGINNING}, as OFFSET LENGTH in bytes`];
    for (let at = 0; at < this.#numbers.length; at += 2) {
      lines.push(`${this.#numbers[at]} ${this.#numbers[at + 1]}`);
    }
    return `${lines.join("\n")}\n`;
  }

  /** Keeps a range; merges it with the last one if they touch. */
  #keep(offset: number, length: number): boolean {
    const last = this.#numbers.length - 1;
    if (last > 0 && offset === this.#end) {
      this.#numbers[last] = (this.#numbers[last] ?? 0) + length;
      return true;
    }
    return this.#numbers.push(offset, length) <= 2 * this.#most;
  }
}
