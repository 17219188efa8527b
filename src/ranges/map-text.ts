import { UsageError } from "../errors/copy-error.ts";

/** Most characters of a line, element or entry of a range map. Anything longer does not belong to one. */
export const MAX_ITEM = 4096;

const FORMS =
  "give lines `OFFSET LENGTH`, or what `thin_delta`, `nbdinfo --map --json` or `qemu-img map --output=json` prints";

/** The text of a range map, and its origin. */
export interface MapText {
  /** One character per byte. */
  text: string;
  /** Name in messages. */
  name: string;
}

/** Returns the error for a fault in a range map at the character `at`. */
export function misread({ text, name }: MapText, at: number, what: string): UsageError {
  let line = 1;
  for (let next = text.indexOf("\n"); next !== -1 && next < at; next = text.indexOf("\n", next + 1))
    line += 1;
  return new UsageError(`${name}, line ${line}: ${what}`, FORMS);
}

/** Shortens and escapes part of a range map, to show it on a terminal. */
export function shown(text: string): string {
  const start = text.length > 60 ? `${text.slice(0, 60)}...` : text;
  return JSON.stringify(start).replaceAll(/[^ -~]/g, "?");
}

/** Returns the position of the first character at or after `at` that is not white space. */
export function skipSpace(text: string, at: number): number {
  const space = /[ \t\r\n]*/y;
  space.lastIndex = at;
  space.test(text);
  return space.lastIndex;
}
