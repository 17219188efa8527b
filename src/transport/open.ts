import { fstat, open } from "node:fs";
import { promisify } from "node:util";

import { OpenError, systemCode } from "./stream-error.ts";

const openFile = promisify(open);
const statFile = promisify(fstat);

/**
 * Opens a file, or whatever else can be read from start to end, to be read. It stays open until the process ends.
 *
 * @throws OpenError
 */
export async function openToRead(path: string): Promise<number> {
  try {
    const fd = await openFile(path, "r");
    // open(2) allows it, and only read(2) would tell.
    if ((await statFile(fd)).isDirectory()) {
      throw new OpenError(path, "EISDIR");
    }
    return fd;
  } catch (error) {
    const code = systemCode(error);
    throw code === undefined || error instanceof OpenError ? error : new OpenError(path, code);
  }
}
