import type * as Binding from "../../native/binding.js";
import { MOST_RANGES } from "../../ui/programs/event-schema.ts";
import type { Range } from "../../ui/programs/event-values.ts";

/** Counts the block stream of a dry run instead of sending it, and finds the ranges that differ. */
export class DryRunOutput {
  readonly #report: (ranges: readonly Range[]) => void;
  #bytes = 0;
  /** Ranges that are not reported yet. The last one may still grow. */
  #ranges: Range[] = [];

  /** @param report takes the ranges that differ, in ascending order and up to {@link MOST_RANGES} at a time */
  constructor(report: (ranges: readonly Range[]) => void) {
    this.#report = report;
  }

  /** Bytes that would have been sent so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts `parts`. */
  write(parts: readonly Uint8Array[]): Promise<void> {
    this.#bytes += parts.reduce((sum, { length }) => sum + length, 0);
    return Promise.resolve();
  }

  /** Records blocks that differ, in ascending order. */
  differ(blocks: readonly Pick<Binding.Block, "position" | "block">[]): void {
    for (const { position, block } of blocks) {
      const last = this.#ranges.at(-1);
      if (last !== undefined && last[0] + last[1] === position) {
        last[1] += block;
        continue;
      }
      if (this.#ranges.length === MOST_RANGES) {
        this.#reportAll();
      }
      this.#ranges.push([position, block]);
    }
  }

  /** Counts the end of the stream. */
  finish(parts: readonly Uint8Array[]): Promise<void> {
    this.#reportAll();
    return this.write(parts);
  }

  #reportAll(): void {
    if (this.#ranges.length > 0) {
      this.#report(this.#ranges);
      this.#ranges = [];
    }
  }
}
