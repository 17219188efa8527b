import { fstat } from "node:fs";
import { promisify } from "node:util";

import { openDescriptor } from "../../native/files.ts";
import { OpenError, systemCode } from "../../errors/stream-errors.ts";

const statFile = promisify(fstat);

/**
 * Opens a file, a device or a pipe for reading. It stays open until the process ends.
 *
 * @throws OpenError
 */
export async function openToRead(path: string): Promise<number> {
  try {
    const fd = await openDescriptor(path);
    // open(2) accepts a folder; only read(2) would fail.
    if ((await statFile(fd)).isDirectory()) {
      throw new OpenError(path, "EISDIR");
    }
    return fd;
  } catch (error) {
    const code = systemCode(error);
    throw code === undefined || error instanceof OpenError ? error : new OpenError(path, code);
  }
}
