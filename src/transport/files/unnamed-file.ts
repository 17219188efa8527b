import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { join } from "node:path";

import { openSync, removeSync } from "../../native/files.ts";
import { givenVariable } from "../../native/arguments.ts";
import { systemCode } from "../../errors/stream-errors.ts";

/** Flag of open(2) that is used with O_DIRECTORY. Node has no constant for it. */
const O_TMPFILE = 0o20000000;

/** Returns the folder for temporary files: TMPDIR, or else /var/tmp, because /tmp is often in memory. */
export function temporaryFolder(): string {
  return givenVariable("TMPDIR") || "/var/tmp";
}

/**
 * Opens a file that never has a name, for reading and writing; the kernel removes it when it is closed. Where the file system cannot do
 * that, makes one and removes its name at once.
 */
export function openUnnamed(folder: string): number {
  const { O_CREAT, O_DIRECTORY, O_EXCL, O_RDWR } = constants;
  try {
    return openSync(folder, O_TMPFILE | O_DIRECTORY | O_RDWR, 0o600);
  } catch (error) {
    if (!["EOPNOTSUPP", "EISDIR", "EINVAL"].includes(systemCode(error) ?? "")) {
      throw error;
    }
  }
  const path = join(folder, `blockcopy-${randomUUID()}`);
  const file = openSync(path, O_CREAT | O_EXCL | O_RDWR, 0o600);
  removeSync(path);
  return file;
}
