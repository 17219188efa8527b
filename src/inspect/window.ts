import type { Input } from "../transport/streams/streams.ts";

/** Bytes that are looked at together: more than the longest frame without its payload. */
const LENGTH = 256 * 1024;

/** The part of a stream that is in memory, which moves along it. */
export class Window {
  readonly #input: Input;
  readonly #memory = new Uint8Array(LENGTH);
  #start = 0;
  #end = 0;

  /** Begins where `input` is. */
  constructor(input: Input) {
    this.#input = input;
  }

  /** What is in memory: a view, to be used before `more` and `skip`. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(this.#start, this.#end);
  }

  /** Bytes from the start of the stream to the window. */
  get offset(): number {
    return this.#input.bytes - (this.#end - this.#start);
  }

  /** Reads more behind what is there, which must be less than a window. False at the end of the stream. */
  async more(): Promise<boolean> {
    this.#memory.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    const count = await this.#input.read(this.#memory.subarray(this.#end));
    this.#end += count;
    return count > 0;
  }

  /** Reads until there are `count` bytes, less than a window. False when the stream ends before. */
  async fill(count: number): Promise<boolean> {
    while (this.bytes.length < count) {
      if (!(await this.more())) {
        return false;
      }
    }
    return true;
  }

  /** Moves on by what there is, at most all of `target`, into which it goes. Returns how many bytes, 0 at the end. */
  async read(target: Uint8Array): Promise<number> {
    await this.fill(1);
    const bytes = this.bytes.subarray(0, target.length);
    target.set(bytes);
    this.consume(bytes.length);
    return bytes.length;
  }

  /** Moves on by bytes that are in memory. */
  consume(count: number): void {
    this.#start += count;
  }

  /** Moves on by `count` bytes, of which none are kept. Returns how many there were; fewer only at the end. */
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
