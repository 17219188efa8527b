import { closeSync, constants, fchmodSync, fsyncSync, readSync, writeFileSync } from "node:fs";

import { lstatSync, openSync, readTextSync, removeSync, renameSync } from "../../native/files.ts";
import { describe, systemCode } from "../../errors/stream-errors.ts";
import { temporaryName } from "./temporary-name.ts";

/** Its owner may write to a file, and all may read it. */
const ALL_READ = 0o644;

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
  // Whatever was put there since it was looked at.
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(length);
    return bytes.toString("utf8", 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

/**
 * Gives a file this text, all of it or none: under another name at first, beside it. At once, without the event loop, because it may
 * be the last thing that the process does. All may read it, whatever the umask is, for others are to; what is replaced keeps its mode.
 *
 * @param beginning how a file that may be replaced begins, see `whyNotReplace`
 * @returns why not, in words; undefined when it has been done
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

/** The permissions of the file that is replaced; of a new one, and for the empty one of mktemp(1), that all may read it. */
function modeFor(path: string): number {
  try {
    const { size, mode } = lstatSync(path);
    return size === 0 ? ALL_READ : mode & 0o777;
  } catch {
    return ALL_READ;
  }
}

/** True if there is something by that name, also a link that leads nowhere. */
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
