// oxlint-disable-next-line no-restricted-imports -- Node runs nothing whose name is not UTF-8
import { promises } from "node:fs";
import { basename, dirname, join } from "node:path";

import { type Files, isWhole, unpack } from "./archive.ts";
import { syncFolder } from "../../transport/files/file-names.ts";
import { systemCode } from "../../errors/stream-errors.ts";
import { distrustOfFolders } from "../../transport/files/trusted.ts";

/** Folders of packages are their owner's alone. */
const MODE = 0o700;

/** So often a folder that others replace as well is tried to be replaced. */
const ATTEMPTS = 20;

/** A folder that was not completed for so long, in milliseconds, will not be: its sender was cut off. */
const LEFT_BEHIND_MILLISECONDS = 24 * 60 * 60 * 1000;

/**
 * Keeps a package in a folder of its own, which has its name only when all of it is on the disk. One that is there already is left as it is, unless it
 * is damaged.
 *
 * @param folder of an absolute path; what is above it is made as well
 * @param digest that the package must have
 * @throws Error
 */
export async function keepPackage(
  folder: string,
  digest: string,
  archive: Uint8Array,
): Promise<void> {
  const files = unpack(archive);
  if (!isWhole(files, digest)) {
    throw new Error("what was sent was damaged on the way");
  }
  const parent = dirname(folder);
  await promises.mkdir(parent, { recursive: true, mode: MODE });
  await refuseForeign(parent);
  await refuseDistrusted(parent);
  await removeLeftBehind(parent);
  const temporary = await promises.mkdtemp(join(parent, `.${basename(folder)}-`));
  try {
    const made = join(temporary, "new");
    await write(made, files);
    await place(folder, digest, made);
    await syncFolder(folder);
  } finally {
    await remove(temporary);
  }
}

/** Takes a folder away. One that stays is taken away a day later, or does no harm: that is no reason to fail. */
async function remove(path: string): Promise<void> {
  await promises.rm(path, { recursive: true, force: true }).catch(() => undefined);
}

/**
 * Programs run from there, so nobody else may have a say in what it holds.
 *
 * @throws Error
 */
async function refuseForeign(folder: string): Promise<void> {
  const stat = await promises.lstat(folder);
  if (!stat.isDirectory()) {
    throw new Error(`${folder} is no folder`);
  }
  if (stat.uid !== process.getuid?.()) {
    throw new Error(`${folder} belongs to another user (${stat.uid})`);
  }
  if ((stat.mode & 0o022) !== 0) {
    const mode = (stat.mode & 0o7777).toString(8).padStart(4, "0");
    throw new Error(`others may write to ${folder} (mode ${mode})`);
  }
}

/**
 * Who may write to a folder above it can put another in its place.
 *
 * @throws Error
 */
async function refuseDistrusted(folder: string): Promise<void> {
  const distrust = await distrustOfFolders(folder);
  if (distrust !== undefined) {
    throw new Error(
      `${distrust.what}, so nothing is kept below it; ${distrust.advice} with XDG_CACHE_HOME, or install blockcopy there`,
    );
  }
}

async function removeLeftBehind(parent: string): Promise<void> {
  for (const name of await promises.readdir(parent)) {
    const path = join(parent, name);
    if (name.startsWith(".") && Date.now() - (await age(path)) > LEFT_BEHIND_MILLISECONDS) {
      await remove(path);
    }
  }
}

/** When a folder was last changed; never, for one that somebody has just taken away. */
async function age(path: string): Promise<number> {
  try {
    return (await promises.lstat(path)).mtimeMs;
  } catch (error) {
    if (systemCode(error) !== "ENOENT") {
      throw error;
    }
    return Infinity;
  }
}

/** Writes files below a folder, all of it to the disk. */
async function write(folder: string, files: Files): Promise<void> {
  const folders = new Set([folder]);
  for (const [name, content] of files) {
    const path = join(folder, name);
    await promises.mkdir(dirname(path), { recursive: true, mode: MODE });
    for (let above = dirname(path); !folders.has(above); above = dirname(above)) {
      folders.add(above);
    }
    const file = await promises.open(path, "wx", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  }
  for (const path of folders) {
    // It looks at what a name is in.
    await syncFolder(`${path}/.`);
  }
}

/**
 * Gives a package that is complete its name, unless another sender was faster. What is damaged is taken out of the way.
 *
 * @param made in a folder of its own, where more may be put
 * @throws Error
 */
async function place(folder: string, digest: string, made: string): Promise<void> {
  let complete = made;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if ((await rename(complete, folder)) || (await isKept(folder, digest))) {
      return;
    }
    const aside = `${made}-${attempt}`;
    // What another sender has put there since it was looked at goes back.
    if ((await rename(folder, aside)) && (await isKept(aside, digest))) {
      complete = aside;
    }
  }
  throw new Error(`${folder} is damaged, or always taken away again`);
}

/** Renames; not what is not there any more, nor to where something else is. */
async function rename(from: string, to: string): Promise<boolean> {
  try {
    await promises.rename(from, to);
    return true;
  } catch (error) {
    if (!["EEXIST", "ENOTEMPTY", "ENOTDIR", "ENOENT"].includes(systemCode(error) ?? "")) {
      throw error;
    }
    return false;
  }
}

/** Whether a folder holds the package of a digest, and nobody else can write to it. */
async function isKept(folder: string, digest: string): Promise<boolean> {
  try {
    await refuseForeign(folder);
    return isWhole(await read(folder), digest);
  } catch {
    // Whatever is wrong with it: it is not.
    return false;
  }
}

async function read(folder: string, below = ""): Promise<Files> {
  const files = new Map<string, Uint8Array>();
  for (const entry of await promises.readdir(join(folder, below), { withFileTypes: true })) {
    const name = below + entry.name;
    if (entry.isDirectory()) {
      for (const [inside, content] of await read(folder, `${name}/`)) {
        files.set(inside, content);
      }
    } else {
      files.set(name, await promises.readFile(join(folder, name)));
    }
  }
  return files;
}
