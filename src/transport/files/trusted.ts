import type { Stats } from "node:fs";
import { dirname } from "node:path";

import { type FileHandle, promises } from "../../native/files.ts";

/** Bits of a mode: the group, and others, may write. */
const WRITABLE = 0o022;

/** In a folder with this bit only its owner, and that of what a name in it leads to, may change that name. */
const STICKY = 0o1000;

/** Something that another user may change, and what to do about that. */
export interface Distrust {
  what: string;
  advice: string;
}

/**
 * Finds what keeps an opened file from being trusted: it, and all folders above it, must belong to root or to the user who runs this, and nobody else may
 * write to them (sticky folders apart, as /tmp). sshd's StrictModes asks the same of a file of keys.
 *
 * @param file the opened file
 * @param path its name, whose links are followed
 * @throws the system's error where the folders cannot be looked at
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
    // A link decides too.
    (await distrustOfFolders(dirname(path)))
  );
}

/**
 * Finds the folder that keeps what is in `folder` from being trusted: it, or one above it. See {@link distrustOfFile}.
 *
 * @throws the system's error where they cannot be looked at
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
      advice: `see that nobody has tampered with it, then give it to the user who runs this (\`chown ${own}\`), or use another folder`,
    };
  }
  const guarded = stat.isDirectory() && (stat.mode & STICKY) !== 0;
  if ((stat.mode & WRITABLE) !== 0 && !guarded) {
    return {
      what: `others may write to ${path} (mode ${mode}), which belongs to uid ${stat.uid}`,
      advice: `see that nobody has tampered with it, then take that away (\`chmod go-w\`), or use another folder`,
    };
  }
  return undefined;
}

/** Finds what keeps a file from being trusted that is not there yet; nothing where its folder is missing too: making the file says so. */
export async function distrustOfNew(path: string): Promise<Distrust | undefined> {
  try {
    return await distrustOfFolders(dirname(path));
  } catch {
    return undefined;
  }
}
