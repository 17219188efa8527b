import { constants } from "node:fs";
import { dirname, join } from "node:path";
import { gzip } from "node:zlib";

import { givenVariable } from "../../native/arguments.ts";
import { type FileHandle, promises } from "../../native/files.ts";
import { VERSION } from "../../native/installation.ts";
import type { Platform } from "../../native/platform.ts";
import { ROOT } from "../../native/root.ts";
import { SINGLE } from "../../native/single.ts";
import { distrustOfFile } from "../../transport/files/trust.ts";
import { sha256 } from "./archive.ts";
import { messageOf } from "../../errors/message-of.ts";

type Cpu = Platform["cpu"];

/** A single executable on this host, for one CPU. */
export interface SingleFile {
  cpu: Cpu;
  path: string;
  /** The folder that it is kept in on another host: its CPU, its version and a part of its digest. */
  name: string;
  /** SHA-256 of all but the last line. */
  digest: string;
}

/** A single executable as it is sent. */
export interface PackedSingle {
  /** The file, compressed by gzip. */
  bytes: Uint8Array;
  /** SHA-256 of the file. */
  digest: string;
}

/** The variable that names the only folder to look in. */
const FOLDER_VARIABLE = "BLOCKCOPY_SINGLE_FOLDER";

/** Folders of packages of a distribution. */
const SHARED = ["/usr/local/share/blockcopy", "/usr/share/blockcopy"];

/** The last line of a single executable, which scripts/single/build.ts writes. */
const LAST_LINE = /\nblockcopy ([0-9A-Za-z.+-]+) (x64|arm64) ([0-9a-f]{64})\n$/;

/** Bytes that are enough for the last line. */
const LAST_LENGTH = 256;

/** The fastest of gzip: one second for all of it, and a tenth larger than by the default. */
const LEVEL = 1;

const CPUS: Readonly<Record<string, Cpu>> = { x86_64: "x64", aarch64: "arm64", arm64: "arm64" };

/** Returns the CPU that a system and machine of uname(1) can run; undefined if there is no executable for it. */
export function cpuOf(system: string): Cpu | undefined {
  const machine = /^Linux (\w+)$/.exec(system)?.[1] ?? "";
  return Object.hasOwn(CPUS, machine) ? CPUS[machine] : undefined;
}

/** Returns the name of the executable for a CPU. */
export function singleName(cpu: Cpu): string {
  return `blockcopy-linux-${cpu}`;
}

/** Returns the folders that are searched, the first one first. */
export function singleFolders(): string[] {
  const given = givenVariable(FOLDER_VARIABLE);
  if (given !== undefined && given !== "") {
    return [given];
  }
  const own = SINGLE === undefined ? join(ROOT, "dist/single") : dirname(process.execPath);
  return [own, ...SHARED];
}

/**
 * Finds the executables of this version that can be sent, one for each CPU.
 *
 * @param debug is told why a file is passed over
 */
export async function findSingles(debug: (text: string) => void): Promise<SingleFile[]> {
  const found: SingleFile[] = [];
  for (const cpu of ["x64", "arm64"] as const) {
    const own = SINGLE !== undefined && cpu === process.arch ? [process.execPath] : [];
    for (const path of [
      ...own,
      ...singleFolders().map((folder) => join(folder, singleName(cpu))),
    ]) {
      const single = await read(path, cpu, debug);
      if (single !== undefined) {
        found.push(single);
        break;
      }
    }
  }
  return found;
}

async function read(
  path: string,
  cpu: Cpu,
  debug: (text: string) => void,
): Promise<SingleFile | undefined> {
  let file: FileHandle | undefined;
  try {
    // Another user may have put a pipe there, whose open would wait for a writer.
    file = await promises.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const distrust = await distrustOfFile(file, path);
    if (distrust !== undefined) {
      throw new Error(distrust.what);
    }
    return { path, ...(await identityOf(file, cpu)) };
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ENOENT") {
      debug(`${path} cannot be sent: ${messageOf(error)}`);
    }
    return undefined;
  } finally {
    await file?.close();
  }
}

async function identityOf(file: FileHandle, cpu: Cpu): Promise<Omit<SingleFile, "path">> {
  const { size } = await file.stat();
  const end = Buffer.alloc(Math.min(LAST_LENGTH, size));
  await file.read(end, 0, end.length, size - end.length);
  const [, version, itsCpu, digest = ""] = LAST_LINE.exec(end.toString("latin1")) ?? [];
  if (version === undefined) {
    throw new Error("it is not a whole single executable of blockcopy");
  }
  if (version !== VERSION || itsCpu !== cpu) {
    throw new Error(`it is ${version} for ${itsCpu}, and not ${VERSION} for ${cpu}`);
  }
  return { cpu, name: `${VERSION}-${cpu}-${digest.slice(0, 16)}`, digest };
}

/**
 * Reads an executable to send it.
 *
 * @throws Error if it is damaged, or cannot be read
 */
export async function packSingle({ path, digest }: SingleFile): Promise<PackedSingle> {
  const file = await promises.open(path, "r");
  try {
    const content = await file.readFile();
    const rest = content.subarray(0, content.lastIndexOf("\n", content.length - 2) + 1);
    if (sha256(rest) !== digest) {
      throw new Error(`${path} is damaged: install or build it again`);
    }
    return {
      digest: sha256(content),
      bytes: await compressed(content),
    };
  } finally {
    await file.close();
  }
}

function compressed(bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    gzip(bytes, { level: LEVEL }, (error, result) => {
      if (error === null) {
        resolve(result);
      } else {
        reject(error);
      }
    });
  });
}
