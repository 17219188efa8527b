// Node's functions for named files, for names of any bytes (see names.ts). Do not use Node's own elsewhere: for a name that is not
// UTF-8 they open another file.
import * as fs from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";

import { bytesOf, nameOf } from "./names.ts";

const places = new Map<string, string>();

/** Makes the functions that open a file use another path for these names. Their other arguments, and messages, stay as they are. */
export function redirect(redirected: readonly { name: string; at: string }[]): void {
  for (const { name, at } of redirected) {
    places.set(name, at);
  }
}

/** Returns the bytes of the path that a name stands for. */
function placeOf(name: string): Buffer {
  return bytesOf(places.get(name) ?? name);
}

/** An open file. Node closes it when nothing refers to it any more. */
export type FileHandle = fs.promises.FileHandle;

/** Functions like those of `node:fs/promises`. */
export const promises = {
  open: (name: string, flags: number | string, mode?: number): Promise<FileHandle> =>
    fs.promises.open(placeOf(name), flags, mode),
  stat: (name: string): Promise<fs.Stats> => fs.promises.stat(placeOf(name)),
  lstat: (name: string): Promise<fs.Stats> => fs.promises.lstat(bytesOf(name)),
  readlink: async (name: string): Promise<string> =>
    nameOf(await fs.promises.readlink(bytesOf(name), { encoding: "buffer" })),
  unlink: (name: string): Promise<void> => fs.promises.unlink(bytesOf(name)),
  rename: (from: string, to: string): Promise<void> =>
    fs.promises.rename(bytesOf(from), bytesOf(to)),
  readdir: async (folder: string): Promise<string[]> => {
    const found = await fs.promises.readdir(bytesOf(folder), { encoding: "buffer" });
    return found.map(nameOf);
  },
};

/** Opens a file for reading until the process ends. Unlike a handle of `promises`, Node never closes it by itself. */
export function openDescriptor(name: string): Promise<number> {
  return promisify(fs.open)(placeOf(name), "r");
}

/** Like `openSync` of `node:fs`. */
export function openSync(name: string, flags: number | string, mode?: number): number {
  return fs.openSync(placeOf(name), flags, mode);
}

/** Like `lstatSync` of `node:fs`. */
export function lstatSync(name: string): fs.Stats {
  return fs.lstatSync(bytesOf(name));
}

/** Like `statSync` of `node:fs`. */
export function statSync(name: string): fs.Stats {
  return fs.statSync(placeOf(name));
}

/** Like `statSync`, with exact numbers: those of inodes may be above 2^53. */
export function statExactSync(name: string): fs.BigIntStats {
  return fs.statSync(placeOf(name), { bigint: true });
}

/** Like `lstatSync`, with exact numbers. */
export function lstatExactSync(name: string): fs.BigIntStats {
  return fs.lstatSync(bytesOf(name), { bigint: true });
}

/** Like `statfsSync` of `node:fs`. */
export function statfsSync(name: string): fs.StatsFs {
  return fs.statfsSync(placeOf(name));
}

/** Like `readlinkSync` of `node:fs`. */
export function readlinkSync(name: string): string {
  return nameOf(fs.readlinkSync(bytesOf(name), { encoding: "buffer" }));
}

/** Returns the absolute path, like `resolve` of `node:path`, even if the current folder is not UTF-8 or has been removed. */
export function absolute(name: string): string {
  if (name.startsWith("/")) {
    return resolve("/", name);
  }
  const here = process.cwd();
  if (!here.includes("\uFFFD")) {
    return resolve(here, name);
  }
  try {
    return resolve(readlinkSync("/proc/self/cwd"), name);
  } catch {
    // Without /proc, this is the best that Node can do.
    return resolve(here, name);
  }
}

/** Like `renameSync` of `node:fs`. */
export function renameSync(from: string, to: string): void {
  fs.renameSync(bytesOf(from), bytesOf(to));
}

/** Removes a file if it exists. Never removes a folder. */
export function removeSync(name: string): void {
  try {
    fs.unlinkSync(bytesOf(name));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) {
      throw error;
    }
  }
}

/** Reads a file in UTF-8. */
export function readTextSync(name: string): string {
  return fs.readFileSync(bytesOf(name), "utf8");
}

/** Returns the names in a folder. Those that are not UTF-8 are garbled. */
export function readdirSync(name: string): string[] {
  return fs.readdirSync(bytesOf(name));
}
