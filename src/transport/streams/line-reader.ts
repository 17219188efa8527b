/** The beginning of an event of a stage. */
const EVENT_START = Buffer.from('{"event":"');

/** The longest line that is passed on whole, in bytes. An event may hold a change map of 4096 buckets; other text is for people. */
const LONGEST = { event: 256 * 1024, text: 8 * 1024 };

/** Marks the end of a line that was cut. */
const CUT = " […]";

const [LF, CR] = [0x0a, 0x0d];

/** Cuts the output of a program into lines. A line that is too long is cut and marked, so that it takes a bounded amount of memory. */
export class LineReader {
  readonly #onLine: (text: string) => void;
  #parts: Buffer[] = [];
  #length = 0;
  #isCut = false;
  /** True if the last byte was a carriage return: a line feed after it does not end another line. */
  #afterReturn = false;

  /** @param onLine called with each line, without its line feed */
  constructor(onLine: (text: string) => void) {
    this.#onLine = onLine;
  }

  /** Adds the next bytes. */
  add(chunk: Buffer): void {
    let from = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (byte === LF && at === from && this.#afterReturn) {
        from = at + 1;
      } else if (byte === LF || byte === CR) {
        this.#endLine(chunk, from, at);
        from = at + 1;
      }
      this.#afterReturn = byte === CR;
    }
    this.#keep(chunk.subarray(from));
  }

  /** Passes on a last line without a line feed. */
  end(): void {
    if (this.#length > 0) {
      this.#flush();
    }
  }

  /** Ends a line, whose last bytes are in a chunk. */
  #endLine(chunk: Buffer, from: number, end: number): void {
    if (this.#length === 0 && !this.#isCut && end - from <= LONGEST.text) {
      // The usual case, without a copy: there may be millions of lines.
      this.#onLine(chunk.toString("utf8", from, end));
      return;
    }
    this.#keep(chunk.subarray(from, end));
    this.#flush();
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0 || this.#isCut) {
      return;
    }
    const fits = this.#length + bytes.length <= LONGEST.text;
    const room = fits ? bytes.length : this.#longest(bytes) - this.#length;
    this.#isCut = bytes.length > room;
    // Copied: a view would keep the whole chunk in memory.
    const kept = Buffer.from(bytes.subarray(0, Math.max(0, room)));
    this.#parts.push(kept);
    this.#length += kept.length;
  }

  #longest(next: Buffer): number {
    const start = Buffer.concat([
      ...this.#parts.slice(0, EVENT_START.length),
      next.subarray(0, EVENT_START.length),
    ]);
    const known = Math.min(start.length, EVENT_START.length);
    return start.subarray(0, known).equals(EVENT_START.subarray(0, known))
      ? LONGEST.event
      : LONGEST.text;
  }

  #flush(): void {
    const text = Buffer.concat(this.#parts).toString();
    const isCut = this.#isCut;
    this.#parts = [];
    this.#length = 0;
    this.#isCut = false;
    this.#onLine(isCut ? text + CUT : text);
  }
}
