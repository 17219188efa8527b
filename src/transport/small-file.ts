import { randomUUID } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";

import { describe, systemCode } from "./stream-error.ts";

/**
 * Gives a file this text, all of it or none: under another name at first, beside it. At once, without the event loop, because it may
 * be the last thing that the process does. It is as readable as any new file, for others are to read it.
 *
 * @returns why not, in words; undefined when it has been done
 */
export function replaceText(path: string, text: string): string | undefined {
  const temporary = `${path}.${randomUUID()}.new`;
  try {
    const file = openSync(temporary, "wx", 0o666);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    return undefined;
  } catch (error) {
    remove(temporary);
    const code = systemCode(error);
    return code === undefined ? String(error) : `${path}: ${describe(code)} (${code})`;
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // What was in the way of writing it is what is told.
  }
}

/** The text of a file; empty for one that is not there, or that cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
