/** Bytes at the end of an output that go into a message. */
export const MOST_BYTES = 2048;

/** Most lines of a {@link LastWords}. */
const MOST_LINES = 5;

/** Keeps the end of what a program prints. It takes the same memory, and next to no time, however much that is. */
export class LastWords {
  #kept = Buffer.alloc(0);
  #isCut = false;

  /** Adds the next bytes. */
  add(chunk: Buffer): void {
    const bytes = Buffer.concat([this.#kept, chunk.subarray(-MOST_BYTES)]);
    this.#isCut ||= chunk.length > MOST_BYTES || bytes.length > MOST_BYTES;
    this.#kept = bytes.subarray(-MOST_BYTES);
  }

  /** The last lines, as one. */
  get text(): string {
    return asOneLine(this.#kept.toString(), { isCut: this.#isCut, most: MOST_LINES });
  }
}

/**
 * Returns the end of an output as one line.
 *
 * @param isCut true if it does not begin with a line: what is left of the first one is then left out, unless there is no other
 * @param most the most lines of it
 */
export function asOneLine(
  text: string,
  { isCut, most = Infinity }: { isCut: boolean; most?: number },
): string {
  const lines = text.split(/[\r\n]+/).map((line) => line.trim());
  const whole = isCut && lines.length > 1 ? lines.slice(1) : lines;
  const printed = (whole.some((line) => line !== "") ? whole : lines).filter((line) => line !== "");
  return printed.slice(-most).join(" | ");
}
