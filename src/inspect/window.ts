import type { Input } from "../transport/streams/input.ts";

/** Bytes in the window: more than the longest frame without its payload. */
const LENGTH = 256 * 1024;

/** The part of a stream that is in memory. It moves along the stream. */
export class Window {
  readonly #input: Input;
  readonly #memory = new Uint8Array(LENGTH);
  #start = 0;
  #end = 0;

  /** Begins at the current position of `input`. */
  constructor(input: Input) {
    this.#input = input;
  }

  /** The bytes in memory: a view, valid until `more` or `skip`. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(this.#start, this.#end);
  }

  /** Bytes from the start of the stream to the window. */
  get offset(): number {
    return this.#input.bytes - (this.#end - this.#start);
  }

  /** Reads more bytes. The window must not be full. False at the end of the stream. */
  async more(): Promise<boolean> {
    this.#memory.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    const count = await this.#input.read(this.#memory.subarray(this.#end));
    this.#end += count;
    return count > 0;
  }

  /** Reads until `count` bytes are in memory. False if the stream ends before. */
  async fill(count: number): Promise<boolean> {
    while (this.bytes.length < count) {
      if (!(await this.more())) {
        return false;
      }
    }
    return true;
  }

  /** Moves bytes to `target`, at most as many as fit. Returns their number, 0 at the end of the stream. */
  async read(target: Uint8Array): Promise<number> {
    await this.fill(1);
    const bytes = this.bytes.subarray(0, target.length);
    target.set(bytes);
    this.consume(bytes.length);
    return bytes.length;
  }

  /** Moves on by `count` bytes, which must be in memory. */
  consume(count: number): void {
    this.#start += count;
  }

  /** Skips `count` bytes. Returns how many were skipped: fewer than `count` only at the end of the stream. */
  async skip(count: number): Promise<number> {
    let skipped = 0;
    do {
      const step = Math.min(count - skipped, this.#end - this.#start);
      this.consume(step);
      skipped += step;
    } while (skipped < count && (await this.more()));
    return skipped;
  }
}
