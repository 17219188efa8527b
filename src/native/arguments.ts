import { readFileSync } from "node:fs";

import { nameOf } from "./names.ts";

/** The character that Node puts in place of bytes that are not UTF-8. Arguments may contain it too. */
const LOST = "\uFFFD";

/** The bytes of an argument cannot be found out. */
class UnknownWordError extends Error {
  override readonly name = "UnknownWordError";

  constructor(word: string) {
    super(
      `${word} is not UTF-8, and its bytes cannot be read from /proc: mount /proc, or name the file by a link whose name is UTF-8`,
    );
  }
}

/**
 * Returns the arguments of the process byte for byte (see names.ts).
 *
 * @throws UnknownWordError where the kernel does not tell
 */
export function givenWords(words: readonly string[]): string[] {
  const lost = words.find((word) => word.includes(LOST));
  if (lost === undefined) {
    return [...words];
  }
  const given = stringsIn("/proc/self/cmdline").slice(-words.length);
  if (given.length !== words.length || !given.every((word, at) => isSame(word, words[at] ?? ""))) {
    throw new UnknownWordError(lost);
  }
  return given;
}

/** Returns an environment variable that names a file or folder, byte for byte if /proc is mounted; undefined if it is not set. */
export function givenVariable(variable: string): string | undefined {
  const value = process.env[variable];
  if (value?.includes(LOST) !== true) {
    return value;
  }
  const start = `${variable}=`;
  const given = stringsIn("/proc/self/environ").find((entry) => entry.startsWith(start));
  const bytes = given?.slice(start.length);
  return bytes !== undefined && isSame(bytes, value) ? bytes : value;
}

/** Reads a file of strings that each end with a zero byte; returns an empty list if that fails. */
function stringsIn(file: string): string[] {
  try {
    return nameOf(readFileSync(file)).split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

/**
 * True if Node decodes `given` as `lossy`. A program can change what /proc shows. Versions of Node differ in the number of bytes
 * that become one U+FFFD.
 */
function isSame(given: string, lossy: string): boolean {
  return given.replaceAll(/[\uDC80-\uDCFF\uFFFD]+/gu, LOST) === lossy.replaceAll(/\uFFFD+/g, LOST);
}
