import type { Stats } from "node:fs";
import { dirname } from "node:path";

import { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { OpenError, systemCode } from "../../errors/stream-errors.ts";
import { type FileHandle, promises } from "../../native/files.ts";

/** Mode bits that let the group or others write. */
const WRITABLE = 0o022;

/** Mode bit of a folder in which only the owner of a file, or of the folder, may rename or remove the file. */
const STICKY = 0o1000;

/** The reason why another user could change a file, and the advice on it. */
export interface Distrust {
  what: string;
  advice: string;
}

/**
 * Finds the reason not to trust an opened file. The file and all folders above it must belong to root or to the user who runs this, and
 * no other user may write to them, except to sticky folders such as /tmp. StrictModes of sshd demands the same of a key file.
 *
 * @param file the opened file
 * @param path its name, whose links are followed
 * @throws the system's error if the folders cannot be examined
 */
export async function distrustOfFile(
  file: FileHandle,
  path: string,
): Promise<Distrust | undefined> {
  const opened = await file.stat();
  const real = await promises.realpath(path);
  const named = await promises.lstat(real);
  if (named.dev !== opened.dev || named.ino !== opened.ino) {
    return { what: `${path} was replaced while it was opened`, advice: "run it again" };
  }
  return (
    distrustOf(path, opened) ??
    (await distrustOfFolders(dirname(real))) ??
    // Whoever can change a link in the path can replace the file as well.
    (await distrustOfFolders(dirname(path)))
  );
}

/**
 * Finds the reason not to trust files in a folder: see {@link distrustOfFile}.
 *
 * @throws the system's error if the folders cannot be examined
 */
export async function distrustOfFolders(folder: string): Promise<Distrust | undefined> {
  for (let path = await promises.realpath(folder); ; path = dirname(path)) {
    const stat = await promises.lstat(path);
    if (!stat.isDirectory()) {
      return { what: `${path} was replaced while it was checked`, advice: "run it again" };
    }
    const found = distrustOf(path, stat);
    if (found !== undefined || path === dirname(path)) {
      return found;
    }
  }
}

function distrustOf(path: string, stat: Stats): Distrust | undefined {
  const own = process.geteuid?.() ?? 0;
  const mode = (stat.mode & 0o7777).toString(8).padStart(4, "0");
  if (stat.uid !== 0 && stat.uid !== own) {
    return {
      what: `${path} belongs to another user (${stat.uid}, mode ${mode})`,
      advice: `check its content, then give it to the user who runs this (\`chown ${own}\`), or use another folder`,
    };
  }
  const guarded = stat.isDirectory() && (stat.mode & STICKY) !== 0;
  if ((stat.mode & WRITABLE) !== 0 && !guarded) {
    return {
      what: `others may write to ${path} (mode ${mode}), which belongs to uid ${stat.uid}`,
      advice: `check its content, then take that permission away (\`chmod go-w\`), or use another folder`,
    };
  }
  return undefined;
}

/**
 * Finds the reason not to trust an opened file that may be a pipe or a device. Only its makers can write to a pipe without a name, as that
 * of `<(…)` in a shell.
 *
 * @throws OpenError if the folders cannot be examined
 */
export async function distrustOfInput(
  handle: FileHandle,
  file: string,
): Promise<Distrust | undefined> {
  const stat = await handle.stat();
  // Devices such as /dev/null do not return what was written to them.
  if (!stat.isFile() && !stat.isFIFO()) {
    return undefined;
  }
  try {
    return await distrustOfFile(handle, file);
  } catch (error) {
    if (stat.isFIFO()) {
      return undefined;
    }
    const code = systemCode(error);
    throw code === undefined ? error : new OpenError(file, code);
  }
}

/** Finds the reason not to trust a file that does not exist yet. None if its folder is missing too: making the file reports that. */
export async function distrustOfNew(path: string): Promise<Distrust | undefined> {
  try {
    return await distrustOfFolders(dirname(path));
  } catch {
    return undefined;
  }
}

/** Another user could change a file that decides what is copied. */
class UntrustedError extends CopyError {
  override readonly name = "UntrustedError";

  constructor(file: string, { what, advice }: Distrust) {
    super(`${file} cannot be trusted: ${what}`, advice, ExitCode.permission);
  }
}

/**
 * Refuses a file that another user could change.
 *
 * @param file its name for a message
 * @param distrust the reason; undefined if the file can be trusted
 * @throws UntrustedError
 */
export function refuseUntrusted(file: string, distrust: Distrust | undefined): void {
  if (distrust !== undefined) {
    throw new UntrustedError(file, distrust);
  }
}
