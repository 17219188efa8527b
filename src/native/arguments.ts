import { readFileSync } from "node:fs";

import { nameOf } from "./names.ts";

/** Stands in what Node passes on for bytes that are no part of UTF-8, or for itself. */
const LOST = "\uFFFD";

/** A word of the command line that was given cannot be known. */
class UnknownWordError extends Error {
  override readonly name = "UnknownWordError";

  constructor(word: string) {
    super(
      `${word} is not UTF-8, and /proc, which would have its bytes, does not: mount it, or give the file a name in UTF-8, as by a link`,
    );
  }
}

/**
 * The words of the command line, byte for byte (see names.ts): all that `words` has, which are the last that the process was started with.
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

/** A variable of the environment that names a file or folder, byte for byte where the kernel tells; undefined for one that is not set. */
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

/** Strings that each end with a zero byte; none where they cannot be read. */
function stringsIn(file: string): string[] {
  try {
    return nameOf(readFileSync(file)).split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

/** True if Node makes `lossy` of `given`: a program may have changed what the kernel shows. How many bytes become one sign, versions differ in. */
function isSame(given: string, lossy: string): boolean {
  return given.replaceAll(/[\uDC80-\uDCFF\uFFFD]+/gu, LOST) === lossy.replaceAll(/\uFFFD+/g, LOST);
}
