import { fstatSync, readSync } from "node:fs";

import { asOneLine, MOST_BYTES } from "../streams/last-words.ts";

/** Returns the end of what a program has printed to an open file, as one line. */
export function lastWords(file: number): string {
  const { size } = fstatSync(file);
  const start = Math.max(0, size - MOST_BYTES);
  return asOneLine(textAt(file, start, size - start), { isCut: start > 0 });
}

/** Returns up to `length` bytes of an open file as text. In latin1, each character is one byte. */
export function textAt(
  file: number,
  position: number,
  length: number,
  encoding: "utf8" | "latin1" = "utf8",
): string {
  const bytes = Buffer.alloc(length);
  let at = 0;
  while (at < length) {
    const count = readSync(file, bytes, at, length - at, position + at);
    if (count === 0) {
      break;
    }
    at += count;
  }
  return bytes.toString(encoding, 0, at);
}
