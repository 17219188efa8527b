import type * as Binding from "../../native/binding.js";

/** The block stream of a dry run: counted, and not sent. */
export class DryRunOutput {
  readonly #debug: (message: string) => void;
  #bytes = 0;
  #range = { start: 0, end: 0 };

  /** `debug` is told of each range that differs. */
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

  /** Takes note of blocks that differ, in their order. */
  differ(blocks: readonly Pick<Binding.Block, "position" | "block">[]): void {
    for (const { position, block } of blocks) {
      if (position !== this.#range.end) {
        this.#tell();
        this.#range = { start: position, end: position };
      }
      this.#range.end += block;
    }
  }

  /** Counts the end of the stream. */
  finish(parts: readonly Uint8Array[]): Promise<void> {
    this.#tell();
    return this.write(parts);
  }

  #tell(): void {
    const { start, end } = this.#range;
    if (end > start) {
      this.#debug(`${end - start} bytes at offset ${start} differ`);
    }
  }
}
