import { rmdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { removeSync } from "../../native/files.ts";
import { removeUnless } from "./unfinished.ts";
import { makeTemporaryFolder, temporaryError } from "./temporary.ts";

/**
 * Does work with a symbolic link to `target`, in a folder that no other user can change and that exists only for that.
 *
 * @param name the name of the link in its folder
 * @throws TemporaryError, the errors of the work
 */
export async function withLink<T>(
  name: string,
  target: string,
  work: (link: string) => Promise<T>,
): Promise<T> {
  const folder = makeTemporaryFolder("blockcopy-image-");
  const link = join(folder, name);
  try {
    symlinkSync(target, link);
  } catch (error) {
    rmdirSync(folder);
    throw temporaryError("make a link in", error);
  }
  const remove = (): void => {
    removeSync(link);
    rmdirSync(folder);
  };
  const removed = removeUnless(remove);
  try {
    return await work(link);
  } finally {
    removed();
    remove();
  }
}
