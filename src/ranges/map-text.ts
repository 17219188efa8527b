import { UsageError } from "../errors/copy-error.ts";
import { MAX_EXTENTS } from "../protocol/range-list.ts";
import { type Extent, Extents } from "./extents.ts";

/** Most characters of a line, element or entry of a range map. Anything longer does not belong to one. */
export const MAX_ITEM = 4096;

const FORMS =
  "give lines `OFFSET LENGTH`, or what `thin_delta`, `nbdinfo --map --json` or `qemu-img map --output=json` prints";

/** Parses a range map as its text arrives: yields when it needs more of it. */
export type Parsing<Result = void> = Generator<undefined, Result, undefined>;

/** A range map that is read piece by piece, and the extents that have been found in it. */
export class MapText {
  /** Name in messages. */
  readonly name: string;
  readonly extents = new Extents();
  /** The text that has arrived, without most of what has been parsed. One character per byte. */
  text = "";
  /** Position of the first character that has not been parsed. */
  at = 0;
  /** Line of the first character of `text`. */
  #line = 1;
  #ended = false;

  constructor(name: string) {
    this.name = name;
  }

  /** Takes the next part of the text. */
  feed(text: string): void {
    this.#line = this.#lineOf(this.at);
    this.text = this.text.slice(this.at) + text;
    this.at = 0;
  }

  /** Takes the end of the text. */
  end(): void {
    this.#ended = true;
  }

  /** Waits until a whole item and the start of what follows has arrived, or all of the text. */
  *wholeItem(): Parsing {
    while (!this.#ended && this.text.length - this.at < 2 * MAX_ITEM) yield;
  }

  /** Skips white space, and waits for what follows. */
  *skipSpace(): Parsing {
    do {
      yield* this.wholeItem();
      const space = /[ \t\r\n]*/y;
      space.lastIndex = this.at;
      space.test(this.text);
      this.at = space.lastIndex;
    } while (this.at === this.text.length && !this.#ended);
    yield* this.wholeItem();
  }

  /** Skips the rest of a line, however long it is. */
  *skipLine(): Parsing {
    for (;;) {
      const newline = this.text.indexOf("\n", this.at);
      this.at = newline === -1 ? this.text.length : newline + 1;
      if (newline !== -1 || this.#ended) return;
      yield;
    }
  }

  /**
   * Adds an extent.
   *
   * @throws UsageError
   */
  add(extent: Extent): void {
    this.extents.append(extent);
    if (this.extents.length > MAX_EXTENTS)
      throw new UsageError(
        `${this.name} has more than ${MAX_EXTENTS} ranges`,
        "merge ranges that lie close to each other, or leave out --ranges",
      );
  }

  /** Shows the first characters that have not been parsed. */
  next(): string {
    return this.at < this.text.length ? shown(this.text.slice(this.at, this.at + 61)) : "the end";
  }

  /** Returns the error for a fault in the item that is being parsed. */
  misread(what: string): UsageError {
    return new UsageError(`${this.name}, line ${this.#lineOf(this.at)}: ${what}`, FORMS);
  }

  #lineOf(at: number): number {
    let line = this.#line;
    const { text } = this;
    for (
      let next = text.indexOf("\n");
      next !== -1 && next < at;
      next = text.indexOf("\n", next + 1)
    )
      line += 1;
    return line;
  }
}

/** Shortens and escapes part of a range map, to show it on a terminal. */
export function shown(text: string): string {
  const start = text.length > 60 ? `${text.slice(0, 60)}...` : text;
  return JSON.stringify(start).replaceAll(/[^ -~]/g, "?");
}
