import type { Frame, Positions } from "./frame.ts";

/** Collects what a stream has in all. */
export class Summary {
  readonly #kinds = new Map<string, { count: number; bytes: number }>();
  readonly #range = new Range();
  #last: Frame | undefined;
  #size = 0;
  #sound = false;

  /** Takes the next frame. */
  add(frame: Frame): void {
    this.#close(frame.offset);
    this.#last = frame;
    if (frame.positions !== undefined) {
      this.#range.add(frame.positions);
    }
  }

  /** The last frame ends where the stream does, or its sound part: after `size` bytes. */
  end(size: number, sound: boolean): void {
    this.#size = size;
    this.#sound = sound;
    this.#close(size);
  }

  /** The summary for people. */
  text(): string {
    const rows = [...this.#kinds].map(
      ([kind, { count, bytes }]) =>
        `${kind.padEnd(9)}${String(count).padStart(12)}  ${String(bytes).padStart(16)} bytes\n`,
    );
    const { range } = this.#range;
    if (range !== null) {
      rows.push(`positions  ${range.from} to ${range.to}${range.open ? " and on" : ""}\n`);
    }
    rows.push(
      `size       ${this.#size} bytes\n`,
      `trailer    ${this.#trailer ? "yes" : "no"}\n`,
      `complete   ${this.#complete ? "yes" : "no"}\n`,
    );
    return rows.join("");
  }

  /** The summary as one JSON object. */
  json(): string {
    const summary = {
      frames: Object.fromEntries(this.#kinds),
      positions: this.#range.range,
      trailer: this.#trailer,
      complete: this.#complete,
      size: this.#size,
    };
    return `${JSON.stringify(summary)}\n`;
  }

  get #trailer(): boolean {
    return this.#kinds.has("tail");
  }

  /** A trailer that is cut off belongs to the stream, although `done` is there. */
  get #complete(): boolean {
    return this.#sound && this.#kinds.has("done");
  }

  /** The frame before ends at `offset`. */
  #close(offset: number): void {
    if (this.#last === undefined) {
      return;
    }
    const kind = this.#kinds.get(this.#last.name) ?? { count: 0, bytes: 0 };
    kind.count += 1;
    kind.bytes += offset - this.#last.offset;
    this.#kinds.set(this.#last.name, kind);
    this.#last = undefined;
  }
}

/** What all frames together are about. */
class Range {
  #from = Infinity;
  /** The farthest end that a frame tells. */
  #end = 0;
  /** The farthest position of a frame that does not tell its end. */
  #begin = -1;
  #rest = false;

  add({ from, to }: Positions): void {
    this.#from = Math.min(this.#from, from);
    if (to === undefined || to === Infinity) {
      this.#begin = Math.max(this.#begin, from);
      this.#rest ||= to === Infinity;
    } else {
      this.#end = Math.max(this.#end, to);
    }
  }

  /** From the first position to the last that is known; open when it goes on behind that; null when there is none. */
  get range(): { from: number; to: number; open: boolean } | null {
    return this.#from === Infinity
      ? null
      : {
          from: this.#from,
          to: Math.max(this.#end, this.#begin),
          open: this.#rest || this.#begin >= this.#end,
        };
  }
}
