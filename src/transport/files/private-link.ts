import { mkdtempSync, rmdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { removeSync } from "../../native/files.ts";
import { removeUnless } from "./unfinished.ts";
import { temporaryFolder } from "./unnamed-file.ts";

/**
 * Does work with a symbolic link to `target`, in a folder that no other user can change and that exists only for that.
 *
 * @param name the name of the link in its folder
 * @throws the system's error, those of the work
 */
export async function withLink<T>(
  name: string,
  target: string,
  work: (link: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(temporaryFolder(), "blockcopy-image-"));
  const link = join(folder, name);
  const remove = (): void => {
    removeSync(link);
    rmdirSync(folder);
  };
  const removed = removeUnless(remove);
  try {
    symlinkSync(target, link);
    return await work(link);
  } finally {
    removed();
    remove();
  }
}
