import { createHash, randomUUID } from "node:crypto";
import { basename, dirname, join } from "node:path";

import { bytesOf } from "../../native/names.ts";

/** Longest name, in bytes, that still has room for the ending within the 143 bytes of eCryptfs. */
const LONGEST = 100;

const ENDING = /^\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.new$/;

/** Returns a new name in the folder of `path`, for a file that is renamed to `path` when it is complete. */
export function temporaryName(path: string): string {
  return join(dirname(path), `${beginningOf(path)}.${randomUUID()}.new`);
}

/** True if a name is one that {@link temporaryName} makes for `path`. */
export function isTemporaryName(name: string, path: string): boolean {
  const beginning = beginningOf(path);
  return name.startsWith(beginning) && ENDING.test(name.slice(beginning.length));
}

/** Returns the name itself, or its digest if it is too long. */
function beginningOf(path: string): string {
  const name = basename(path);
  const bytes = bytesOf(name);
  return bytes.length <= LONGEST ? name : `.${digestName(name)}`;
}

/** Returns a name that only depends on a text, and is short whatever that is. */
export function digestName(text: string): string {
  return createHash("sha256").update(bytesOf(text)).digest("hex").slice(0, 32);
}
