// Node's functions for files that have a name, for names of any bytes (see names.ts). No other file may use those of Node: they would open another file.
import * as fs from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";

import { bytesOf, nameOf } from "./names.ts";

/** A file that is open, until it is closed or nobody refers to it. */
export type FileHandle = fs.promises.FileHandle;

/** As those of `node:fs/promises`. */
export const promises = {
  open: (name: string, flags: number | string, mode?: number): Promise<FileHandle> =>
    fs.promises.open(bytesOf(name), flags, mode),
  stat: (name: string): Promise<fs.Stats> => fs.promises.stat(bytesOf(name)),
  lstat: (name: string): Promise<fs.Stats> => fs.promises.lstat(bytesOf(name)),
  realpath: async (name: string): Promise<string> =>
    nameOf(await fs.promises.realpath(bytesOf(name), { encoding: "buffer" })),
  unlink: (name: string): Promise<void> => fs.promises.unlink(bytesOf(name)),
  rename: (from: string, to: string): Promise<void> =>
    fs.promises.rename(bytesOf(from), bytesOf(to)),
  readdir: async (folder: string): Promise<string[]> => {
    const found = await fs.promises.readdir(bytesOf(folder), { encoding: "buffer" });
    return found.map(nameOf);
  },
};

/** Opens a file for reading, for as long as the process runs. A handle of `promises` is closed once nothing refers to it. */
export function openDescriptor(name: string): Promise<number> {
  return promisify(fs.open)(bytesOf(name), "r");
}

/** As that of `node:fs`. */
export function openSync(name: string, flags: number | string, mode?: number): number {
  return fs.openSync(bytesOf(name), flags, mode);
}

/** As that of `node:fs`. */
export function lstatSync(name: string): fs.Stats {
  return fs.lstatSync(bytesOf(name));
}

/** As that of `node:fs`. */
export function statSync(name: string): fs.Stats {
  return fs.statSync(bytesOf(name));
}

/** As that of `node:fs`. */
export function statfsSync(name: string): fs.StatsFs {
  return fs.statfsSync(bytesOf(name));
}

/** As that of `node:fs`. */
export function readlinkSync(name: string): string {
  return nameOf(fs.readlinkSync(bytesOf(name), { encoding: "buffer" }));
}

/** The name from the root on, without `.` and `..`: as `resolve` of `node:path`, wherever this process is. */
export function absolute(name: string): string {
  if (name.startsWith("/")) {
    // Also where the current folder has been removed.
    return resolve("/", name);
  }
  const here = process.cwd();
  if (!here.includes("\uFFFD")) {
    return resolve(here, name);
  }
  try {
    return resolve(readlinkSync("/proc/self/cwd"), name);
  } catch {
    // Without /proc, this is as near as Node comes.
    return resolve(here, name);
  }
}

/** As that of `node:fs`. */
export function renameSync(from: string, to: string): void {
  fs.renameSync(bytesOf(from), bytesOf(to));
}

/** Takes a name away, if it is there: unlink(2), which never takes away a folder. */
export function removeSync(name: string): void {
  try {
    fs.unlinkSync(bytesOf(name));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) {
      throw error;
    }
  }
}

/** As that of `node:fs`, of UTF-8. */
export function readTextSync(name: string): string {
  return fs.readFileSync(bytesOf(name), "utf8");
}

/** The names in a folder that are UTF-8; others are mangled. */
export function readdirSync(name: string): string[] {
  return fs.readdirSync(bytesOf(name));
}
