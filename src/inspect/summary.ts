import type { Frame, Positions } from "./frame.ts";

/** Collects the totals of a stream. */
export class Summary {
  readonly #kinds = new Map<string, { count: number; bytes: number }>();
  readonly #range = new Range();
  #last: Frame | undefined;
  #size = 0;
  #sound = false;

  /** Adds the next frame. */
  add(frame: Frame): void {
    this.#close(frame.offset);
    this.#last = frame;
    if (frame.positions !== undefined) {
      this.#range.add(frame.positions);
    }
  }

  /** Ends the last frame after `size` bytes, the length of the stream or of its sound part. */
  end({ size, sound }: { size: number; sound: boolean }): void {
    this.#size = size;
    this.#sound = sound;
    this.#close(size);
  }

  /** Returns the summary for people. */
  text(): string {
    const rows = [...this.#kinds].map(
      ([kind, { count, bytes }]) =>
        `${kind.padEnd(9)}${String(count).padStart(12)}  ${String(bytes).padStart(16)} bytes\n`,
    );
    const { range } = this.#range;
    if (range !== null) {
      rows.push(`positions  ${range.from} to ${range.to}${range.open ? " and beyond" : ""}\n`);
    }
    rows.push(
      `size       ${this.#size} bytes\n`,
      `trailer    ${this.#trailer ? "yes" : "no"}\n`,
      `complete   ${this.#complete ? "yes" : "no"}\n`,
    );
    return rows.join("");
  }

  /** Returns the summary as one JSON object. */
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

  /** False if the trailer is cut off, even after `done`. */
  get #complete(): boolean {
    return this.#sound && this.#kinds.has("done");
  }

  /** Ends the frame before at `offset`. */
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

/** The range that all frames together refer to. */
class Range {
  #from = Infinity;
  /** The largest end of a frame. */
  #end = 0;
  /** The largest position of a frame whose end is unknown. */
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

  /** The range from the first position to the last known one; `open` if it continues after that; null without positions. */
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
