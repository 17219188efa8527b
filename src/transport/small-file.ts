import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, readSync, writeFileSync } from "node:fs";

import { lstatSync, openSync, readTextSync, removeSync, renameSync } from "./files.ts";
import { describe, systemCode } from "./stream-error.ts";

/**
 * Why a file must not be replaced: it is there, and is something else than what was written before, which begins like this. A mistake in
 * an option is not to cost a disk. An empty file may be replaced, as mktemp(1) makes one.
 *
 * @returns in words; undefined when it may
 */
export function whyNotReplace(path: string, beginning: string): string | undefined {
  try {
    const stat = lstatSync(path);
    if (!stat.isFile()) {
      return `${path} is no regular file`;
    }
    return stat.size === 0 || firstOf(path, beginning.length) === beginning
      ? undefined
      : `${path} is there, and is something else`;
  } catch (error) {
    const code = systemCode(error);
    return code === "ENOENT" ? undefined : reason(path, error);
  }
}

/** The first bytes of a file, at most so many. */
function firstOf(path: string, length: number): string {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(length);
    return bytes.toString("utf8", 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

/**
 * Gives a file this text, all of it or none: under another name at first, beside it. At once, without the event loop, because it may
 * be the last thing that the process does. It is as readable as any new file, for others are to read it.
 *
 * @param beginning how a file that may be replaced begins, see `whyNotReplace`
 * @returns why not, in words; undefined when it has been done
 */
export function replaceText(path: string, text: string, beginning: string): string | undefined {
  const refused = whyNotReplace(path, beginning);
  if (refused !== undefined) {
    return refused;
  }
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
    return reason(path, error);
  }
}

function reason(path: string, error: unknown): string {
  const code = systemCode(error);
  return code === undefined ? String(error) : `${path}: ${describe(code)} (${code})`;
}

function remove(path: string): void {
  try {
    removeSync(path);
  } catch {
    // What was in the way of writing it is what is told.
  }
}

/** The text of a file; empty for one that is not there, or that cannot be read. */
export function readText(path: string): string {
  try {
    return readTextSync(path);
  } catch {
    return "";
  }
}
