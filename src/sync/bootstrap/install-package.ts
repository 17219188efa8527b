// oxlint-disable-next-line no-restricted-imports -- Node runs nothing whose name is not UTF-8
import { promises, type Stats } from "node:fs";
import { basename, dirname, join } from "node:path";

import { type Files, isWhole, unpack } from "./archive.ts";
import { syncFolder } from "../../transport/files/file-names.ts";
import { systemCode } from "../../errors/stream-errors.ts";
import { distrustOfFolders } from "../../transport/files/trust.ts";

/** Mode of the folders of packages: only their owner has access. */
const MODE = 0o700;

/** Times that replacing a damaged package is tried while other senders do the same. */
const ATTEMPTS = 20;

/** Age from which on a temporary folder is removed: its sender was cut off. */
const LEFTOVER_MILLISECONDS = 24 * 60 * 60 * 1000;

/**
 * Installs a package in a folder of its own, which gets its name once all of it is on the disk. A package that is already there stays,
 * unless it is damaged.
 *
 * @param folder an absolute path; missing parent folders are made
 * @param digest the digest that the package must have
 * @throws Error
 */
export async function installPackage(
  folder: string,
  digest: string,
  archive: Uint8Array,
): Promise<void> {
  const files = unpack(archive);
  if (!isWhole(files, digest)) {
    throw new Error("the package was damaged on its way");
  }
  const parent = dirname(folder);
  await promises.mkdir(parent, { recursive: true, mode: MODE });
  await refuseSharedFolder(parent);
  await refuseUntrustedParents(parent);
  await removeLeftovers(parent);
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

/** Removes a folder. A failure is ignored: the next installation, a day later, tries again. */
async function remove(path: string): Promise<void> {
  await promises.rm(path, { recursive: true, force: true }).catch(() => undefined);
}

/**
 * Refuses a folder that another user may write to: programs are run from there.
 *
 * @throws Error
 */
async function refuseSharedFolder(folder: string): Promise<void> {
  const stat = await promises.lstat(folder);
  if (!stat.isDirectory()) {
    throw new Error(`${folder} is not a folder`);
  }
  refuseShared(folder, stat);
}

function refuseShared(path: string, stat: Stats): void {
  if (stat.uid !== process.getuid?.()) {
    throw new Error(`${path} belongs to another user (${stat.uid})`);
  }
  if ((stat.mode & 0o022) !== 0) {
    const mode = (stat.mode & 0o7777).toString(8).padStart(4, "0");
    throw new Error(`others may write to ${path} (mode ${mode})`);
  }
}

/**
 * Refuses a folder below one that another user may write to, who could put another folder in its place.
 *
 * @throws Error
 */
async function refuseUntrustedParents(folder: string): Promise<void> {
  const distrust = await distrustOfFolders(folder);
  if (distrust !== undefined) {
    throw new Error(
      `${distrust.what}, so nothing is installed below it; ${distrust.advice} with XDG_CACHE_HOME, or install blockcopy there`,
    );
  }
}

async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await promises.readdir(parent)) {
    const path = join(parent, name);
    if (name.startsWith(".") && Date.now() - (await changedAt(path)) > LEFTOVER_MILLISECONDS) {
      await remove(path);
    }
  }
}

/** Returns the time at which a folder was last changed; Infinity if it has just been removed. */
async function changedAt(path: string): Promise<number> {
  try {
    return (await promises.lstat(path)).mtimeMs;
  } catch (error) {
    if (systemCode(error) !== "ENOENT") {
      throw error;
    }
    return Infinity;
  }
}

/** Writes files below a folder and syncs them and all folders. */
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
    // syncFolder syncs the parent of its argument.
    await syncFolder(`${path}/.`);
  }
}

/**
 * Gives a complete package its name, unless another sender was faster. A damaged package of that name is moved away.
 *
 * @param made the package, in a temporary folder that has room for other names
 * @throws Error
 */
async function place(folder: string, digest: string, made: string): Promise<void> {
  let complete = made;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if ((await rename(complete, folder)) || (await isInstalled(folder, digest))) {
      return;
    }
    const aside = `${made}-${attempt}`;
    // If another sender has put a complete package there since the check, that one is put back.
    if ((await rename(folder, aside)) && (await isInstalled(aside, digest))) {
      complete = aside;
    }
  }
  throw new Error(`${folder} is damaged, or keeps being removed`);
}

/** Renames a folder. Returns false if it has gone, or if the new name exists. */
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

/**
 * True if a folder holds the package with a digest, and no other user can write to it or to anything in it. The line of sh(1) that runs the
 * package asks for the same: one that it refuses must be replaced.
 */
async function isInstalled(folder: string, digest: string): Promise<boolean> {
  try {
    await refuseSharedFolder(folder);
    return isWhole(await read(folder), digest);
  } catch {
    return false;
  }
}

/**
 * Reads all files in a folder.
 *
 * @throws Error if another user can write to one of them, or to a folder
 */
async function read(folder: string, below = ""): Promise<Files> {
  const files = new Map<string, Uint8Array>();
  for (const entry of await promises.readdir(join(folder, below), { withFileTypes: true })) {
    const name = below + entry.name;
    refuseShared(join(folder, name), await promises.stat(join(folder, name)));
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
