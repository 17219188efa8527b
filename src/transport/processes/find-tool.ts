import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** Folders of system programs. PATH is not asked: whoever sets it would decide what root runs. */
export const FOLDERS = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/** Returns the path of a system program; undefined if it is not installed. */
export function findTool(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
