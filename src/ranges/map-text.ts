/** No line, element or entry of a map is longer; what is, is something else. */
export const MAX_ITEM = 4096;

const FORMS =
  "give lines `OFFSET LENGTH`, or what `thin_delta`, `nbdinfo --map --json` or `qemu-img map --output=json` prints";

/** The text of a map, and where it came from. */
export interface MapText {
  /** Its characters, one a byte. */
  text: string;
  /** What messages call it. */
  name: string;
}

/** A map that is not understood, at the character `at`. */
export function misread({ text, name }: MapText, at: number, what: string): UsageError {
  let line = 1;
  for (let next = text.indexOf("\n"); next !== -1 && next < at; next = text.indexOf("\n", next + 1))
    line += 1;
  return new UsageError(`${name}, line ${line}: ${what}`, FORMS);
}

/** What a map has, for a message: short, and nothing that a terminal would act on. */
export function shown(text: string): string {
  const start = text.length > 60 ? `${text.slice(0, 60)}...` : text;
  return JSON.stringify(start).replaceAll(/[^ -~]/g, "?");
}

/** Where the next character at or behind `at` is that is no white space. */
export function skipSpace(text: string, at: number): number {
  const space = /[ \t\r\n]*/y;
  space.lastIndex = at;
  space.test(text);
  return space.lastIndex;
}
import { UsageError } from "../errors/copy-error.ts";
