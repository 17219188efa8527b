import { constants } from "node:fs";
import { dirname } from "node:path";

import { promises } from "../../native/files.ts";
import { StreamError, systemCode } from "../../errors/stream-errors.ts";

/** Takes a name away, if it is there: unlink(2), which never takes away a folder. */
export async function removeName(path: string): Promise<void> {
  try {
    await promises.unlink(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") {
      throw error;
    }
  }
}

/** A name is on the disk only when its folder is: fsync(2). */
export async function syncFolder(path: string): Promise<void> {
  const folder = await promises.open(dirname(path), constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Whether a name is that of a symbolic link. */
export async function isLink(path: string): Promise<boolean> {
  try {
    return (await promises.lstat(path)).isSymbolicLink();
  } catch {
    // Whatever is wrong with it shows when it is opened.
    return false;
  }
}

/** Whether two names, links or not, lead to the same file. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  try {
    const [first, second] = await Promise.all([promises.stat(one), promises.stat(other)]);
    return first.dev === second.dev && first.ino === second.ino;
  } catch {
    return false;
  }
}

/**
 * Does `work`, `bytes` into the file that it is about.
 *
 * @throws StreamError where the system refuses
 */
export async function attempt<T>(
  action: string,
  bytes: number,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = systemCode(error);
    throw code === undefined ? error : new StreamError(action, code, bytes);
  }
}
