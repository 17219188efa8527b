import { constants } from "node:fs";
import { dirname } from "node:path";

import { promises } from "../../native/files.ts";
import { StreamError, systemCode } from "../../errors/stream-errors.ts";

/** Removes a name by unlink(2), which never removes a folder. Returns false if it does not exist. */
export async function removeName(path: string): Promise<boolean> {
  try {
    await promises.unlink(path);
    return true;
  } catch (error) {
    if (systemCode(error) !== "ENOENT") {
      throw error;
    }
    return false;
  }
}

/** Syncs the folder of a path: a new name is only on the disk once its folder is, see fsync(2). */
export async function syncFolder(path: string): Promise<void> {
  const folder = await promises.open(dirname(path), constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** True for a symbolic link. */
export async function isLink(path: string): Promise<boolean> {
  try {
    return (await promises.lstat(path)).isSymbolicLink();
  } catch {
    // Opening it reports what is wrong.
    return false;
  }
}

/** False if nothing has this name. True if that is unknown: using it reports why. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await promises.stat(path);
    return true;
  } catch (error) {
    return systemCode(error) !== "ENOENT";
  }
}

/** True if two names lead to the same file. Links are followed. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  try {
    const [first, second] = await Promise.all([promises.stat(one), promises.stat(other)]);
    return first.dev === second.dev && first.ino === second.ino;
  } catch {
    return false;
  }
}

/**
 * Does `work` on a file and turns the system's errors into messages.
 *
 * @param action words for the message, such as `writing FILE`
 * @param bytes the offset in the file, for the message
 * @throws StreamError
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
