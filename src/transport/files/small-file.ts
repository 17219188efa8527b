import { closeSync, constants, fchmodSync, fsyncSync, readSync, writeFileSync } from "node:fs";

import { lstatSync, openSync, readTextSync, removeSync, renameSync } from "../../native/files.ts";
import { describe, systemCode } from "../../errors/stream-errors.ts";
import { temporaryName } from "./temporary-name.ts";

/** Mode of a new file: readable for all, writable for its owner. */
const ALL_READ = 0o644;

/**
 * Finds the reason not to replace a file: it exists and does not begin like the files that this program writes. So a mistake in an option
 * does not overwrite a disk. An empty file, as made by mktemp(1), may be replaced.
 *
 * @returns the reason for a message; undefined if it may be replaced
 */
export function whyNotReplace(path: string, beginning: string): string | undefined {
  try {
    const stat = lstatSync(path);
    if (!stat.isFile()) {
      return `${path} is not a regular file`;
    }
    return stat.size === 0 || firstOf(path, beginning.length) === beginning
      ? undefined
      : `${path} exists and was not written by blockcopy`;
  } catch (error) {
    const code = systemCode(error);
    return code === "ENOENT" ? undefined : reason(path, error);
  }
}

/** The most bytes of a small file. The metrics of the longest names have a tenth of that. */
const MOST_BYTES = 1024 * 1024;

/**
 * Reads a small file that others may change: of a longer one only the beginning, and it waits for nothing.
 *
 * @throws the system's error, such as EISDIR; ELOOP for a symbolic link
 */
export function readSmall(path: string): string {
  return firstOf(path, MOST_BYTES);
}

/** Returns up to `length` bytes from the start of a file. */
function firstOf(path: string, length: number): string {
  // The flags are for something else that may have been put there since the check.
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(length);
    return bytes.toString("utf8", 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

/**
 * Replaces a file with a text, all of it or nothing: it writes a temporary file in the same folder and renames it. It is synchronous,
 * because it may be the last thing that the process does. A new file is readable for all, whatever the umask is, because other programs are
 * meant to read it; a replaced one keeps its mode.
 *
 * @param beginning the start of a file that may be replaced, see `whyNotReplace`
 * @returns the reason why it failed, for a message; undefined if it succeeded
 */
export function replaceText(path: string, text: string, beginning: string): string | undefined {
  const refused = whyNotReplace(path, beginning);
  if (refused !== undefined) {
    return refused;
  }
  const temporary = temporaryName(path);
  try {
    const mode = modeFor(path);
    const file = openSync(temporary, "wx", mode);
    try {
      fchmodSync(file, mode);
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

/**
 * Returns the mode of the file that is replaced. A new file, and an empty one as made by mktemp(1), gets {@link ALL_READ}. What another user
 * has put there may let all write to it: that does not stay.
 */
function modeFor(path: string): number {
  try {
    const { size, mode, uid } = lstatSync(path);
    const kept = uid === process.geteuid?.() ? 0o777 : ALL_READ;
    return size === 0 ? ALL_READ : mode & kept;
  } catch {
    return ALL_READ;
  }
}

/** True if a name exists, even as a link to nothing. */
export function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
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
    // The failed write is the error to report.
  }
}

/** Returns the text of a file; empty if it does not exist or cannot be read. */
export function readText(path: string): string {
  try {
    return readTextSync(path);
  } catch {
    return "";
  }
}
