import type * as Binding from "../../native/binding.js";

/** Counts the block stream of a dry run instead of sending it. */
export class DryRunOutput {
  readonly #debug: (message: string) => void;
  #bytes = 0;
  #range = { start: 0, end: 0 };

  /** @param debug logs each range that differs */
  constructor(debug: (message: string) => void) {
    this.#debug = debug;
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
      if (position !== this.#range.end) {
        this.#logRange();
        this.#range = { start: position, end: position };
      }
      this.#range.end += block;
    }
  }

  /** Counts the end of the stream. */
  finish(parts: readonly Uint8Array[]): Promise<void> {
    this.#logRange();
    return this.write(parts);
  }

  #logRange(): void {
    const { start, end } = this.#range;
    if (end > start) {
      this.#debug(`${end - start} bytes at offset ${start} differ`);
    }
  }
}
