import { constants, type Stats } from "node:fs";
import { dirname, join } from "node:path";

import { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { OpenError, systemCode } from "../../errors/stream-errors.ts";
import { absolute, type FileHandle, promises } from "../../native/files.ts";

/** Mode bits that let the group or others write. */
const WRITABLE = 0o022;

/** Mode bit of a folder in which only the owner of a file, or of the folder, may rename or remove the file. */
const STICKY = 0o1000;

/** Most links in a path, as for the kernel; see path_resolution(7). */
const MOST_LINKS = 40;

/** The reason why another user could change a file, and the advice on it. */
export interface Distrust {
  what: string;
  advice: string;
}

/**
 * Finds the reason not to trust an opened file. The file and all folders on the way to it, those of links included, must belong to root or
 * to the user who runs this, and no other user may write to them, except to sticky folders such as /tmp. StrictModes of sshd demands the
 * same of a key file. crates/nbd/src/trust.rs has this rule for what the addon opens.
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
  const way = await walk(path);
  if ("distrust" in way) {
    return way.distrust;
  }
  return way.stat.dev === opened.dev && way.stat.ino === opened.ino
    ? distrustOf(way.real, opened)
    : { what: `${path} was replaced while it was opened`, advice: "run it again" };
}

/**
 * Finds the reason not to trust files in a folder: see {@link distrustOfFile}.
 *
 * @throws the system's error if the folders cannot be examined
 */
export async function distrustOfFolders(folder: string): Promise<Distrust | undefined> {
  const way = await walk(folder);
  if ("distrust" in way) {
    return way.distrust;
  }
  return way.stat.isDirectory()
    ? undefined
    : { what: `${way.real} was replaced while it was checked`, advice: "run it again" };
}

/** The end of a path whose links have all been followed, or the reason not to trust a folder or link on the way. */
type Way = { real: string; stat: Stats } | { distrust: Distrust };

/**
 * Follows a path name by name, as the kernel does, and examines each folder that it passes. Whoever can write to the folder of a link decides
 * where the path leads, even if another link follows.
 *
 * @throws the system's error
 */
async function walk(path: string): Promise<Way> {
  // A folder after `..` is that above the folder that was reached, whatever the name before it says.
  const names = namesIn(path.startsWith("/") ? path : `${absolute(".")}/${path}`);
  let real = "/";
  let stat = await promises.lstat(real);
  for (let links = 0; ;) {
    const distrust = stat.isDirectory() ? distrustOf(real, stat) : undefined;
    if (distrust !== undefined) {
      return { distrust };
    }
    const name = names.pop();
    if (name === undefined) {
      return { real, stat };
    }
    const next = join(real, name);
    const found = await promises.lstat(next);
    if (!found.isSymbolicLink()) {
      [real, stat] = [next, found];
      continue;
    }
    links += 1;
    const why = links > MOST_LINKS ? tooManyLinks(path) : distrustOfLink(next, found, stat);
    if (why !== undefined) {
      return { distrust: why };
    }
    const target = await promises.readlink(next);
    if (target.startsWith("/")) {
      real = "/";
      stat = await promises.lstat(real);
    }
    names.push(...namesIn(target));
  }
}

/** Returns the names in a path, the first one last. */
function namesIn(path: string): string[] {
  return path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .reverse();
}

function tooManyLinks(path: string): Distrust {
  return { what: `${path} has too many symbolic links`, advice: "give its real name" };
}

/** Finds the reason not to trust a link: in a sticky folder, its owner can replace it. Elsewhere, only the folder decides. */
function distrustOfLink(path: string, link: Stats, folder: Stats): Distrust | undefined {
  return (folder.mode & WRITABLE) !== 0 && !isTrusted(link)
    ? {
        what: `the link ${path} belongs to another user (${link.uid})`,
        advice: "give the real name, after a look at what it leads to",
      }
    : undefined;
}

/** True for what belongs to root or to the user who runs this. */
function isTrusted({ uid }: Stats): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

function distrustOf(path: string, stat: Stats): Distrust | undefined {
  const mode = (stat.mode & 0o7777).toString(8).padStart(4, "0");
  if (!isTrusted(stat)) {
    return {
      what: `${path} belongs to another user (${stat.uid}, mode ${mode})`,
      advice: `check its content, then give it to the user who runs this (\`chown ${process.geteuid?.() ?? 0}\`), or use another folder`,
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
 * Opens a file, a pipe or a device for reading. It waits for the writer of a named pipe only if no other user can be that: the pipe may have
 * been put there to keep this program waiting. Ask {@link distrustOfInput} about what it has opened.
 *
 * @throws the system's error
 */
export async function openInput(file: string): Promise<FileHandle> {
  const { O_RDONLY, O_NONBLOCK } = constants;
  const found = await promises.stat(file);
  const waits = found.isFIFO() ? (await distrustOfPipe(file)) === undefined : !found.isFile();
  return promises.open(file, waits ? O_RDONLY : O_RDONLY | O_NONBLOCK);
}

/** The name in which a path to a pipe without a name ends, as that of `<(…)` in a shell; see proc_pid_fd(5). */
const UNNAMED = /^\/proc\/\d+\/(?:task\/\d+\/)?fd\/pipe:\[\d+\]$/;

/** Finds the reason not to trust a pipe that is not open yet. Those without a name, as of `<(…)` in a shell, are trusted. */
async function distrustOfPipe(path: string): Promise<Distrust | undefined> {
  try {
    const way = await walk(path);
    return "distrust" in way ? way.distrust : distrustOf(way.real, way.stat);
  } catch (error) {
    // Anything else has just been removed, and can be made again.
    return error instanceof Error && "path" in error && UNNAMED.test(String(error.path))
      ? undefined
      : { what: `${path} was replaced while it was checked`, advice: "run it again" };
  }
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
