import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

import { CopyError } from "../errors/copy-error.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import { messageOf } from "../errors/message-of.ts";
import { systemReason } from "../errors/stream-errors.ts";
import type * as Binding from "../native/binding.js";
import { promises } from "../native/files.ts";
import { removeName, syncFolder } from "../transport/files/file-names.ts";
import { NewFile } from "../transport/files/new-file.ts";
import { StreamFile } from "../transport/files/stream-file.ts";
import { type Distrust, distrustOfFolders, refuseUntrusted } from "../transport/files/trust.ts";
import type { Destination } from "./destination.ts";
import { type BaseRecord, decodeRecord, encodeRecord, MOST_BYTES } from "./record.ts";
import { locksOf, type StateLock, tryLock } from "./state-lock.ts";

/** Folder of all records, on the host of the source. */
export const STATE_FOLDER = "/var/lib/blockcopy";

/** Ending of the name of a record. */
const ENDING = ".base";

/** The locks of this process, which ends them: nothing else refers to them. */
const locks: StateLock[] = [];

/** The volume, and the name of `--incremental`, that a record is for. */
export interface RecordKey {
  name: string;
  group: string;
  volume: string;
}

/** A record that cannot be used. */
export interface Unreadable {
  reason: string;
}

/**
 * Makes the folder for records, which no other user may enter.
 *
 * @throws CopyError, UntrustedError
 */
export async function openStateFolder(): Promise<void> {
  try {
    mkdirSync(STATE_FOLDER, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unkept(systemReason(error));
  }
  let distrust: Distrust | undefined;
  try {
    distrust = await distrustOfFolders(STATE_FOLDER);
  } catch (error) {
    throw unkept(systemReason(error));
  }
  refuseUntrusted("the folder of the records", distrust);
}

/** The record of one volume, in a file. */
export class RecordFile {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Returns the one of a volume and a name; it need not exist. */
  static of({ name, group, volume }: RecordKey): RecordFile {
    // No name of LVM has a colon.
    return new RecordFile(join(STATE_FOLDER, `${name}:${group}:${volume}${ENDING}`));
  }

  /**
   * Removes the records of all other copies to a destination, because this one is about to write to it. Each is locked before: a copy that
   * still runs may be about to replace its record. One that cannot be read may be for this destination as well.
   *
   * @returns the keys of those that were removed
   * @throws CopyError
   */
  async removeOthers(engine: Binding.Engine, destination: Destination): Promise<RecordKey[]> {
    const removed: RecordKey[] = [];
    for (const found of await namesIn(STATE_FOLDER)) {
      const other = new RecordFile(join(STATE_FOLDER, found));
      if (!found.endsWith(ENDING) || other.#path === this.#path) {
        continue;
      }
      const record = await other.read();
      if (
        record !== undefined &&
        !("facts" in record && !isSame(record.facts.destination, destination))
      ) {
        await other.lock(engine);
        await other.remove();
        const [name = "", group = "", volume = ""] = found.slice(0, -ENDING.length).split(":");
        removed.push({ name, group, volume });
      }
    }
    return removed;
  }

  /**
   * Lets no other run use this record until this process ends.
   *
   * @throws CopyError
   */
  lock(engine: Binding.Engine): Promise<void> {
    return keepLocked(engine, `${this.#path}.lock`);
  }

  /**
   * Reads the record.
   *
   * @returns undefined if there is none; a reason if it cannot be read or is damaged
   * @throws UntrustedError if another user could change it
   */
  async read(): Promise<BaseRecord | Unreadable | undefined> {
    let file: StreamFile | undefined;
    try {
      file = await StreamFile.open(this.#path);
    } catch (error) {
      return this.#unreadable(error);
    }
    if (file === undefined) {
      return undefined;
    }
    try {
      refuseUntrusted(this.#path, await file.distrust());
      return decodeRecord(await contentOf(file));
    } catch (error) {
      if (error instanceof CopyError && error.exitCode === ExitCode.permission) {
        throw error;
      }
      return this.#unreadable(error);
    } finally {
      await file.close();
    }
  }

  /**
   * Replaces the record, all of it or nothing. When this returns, it is on the disk.
   *
   * @throws CopyError
   */
  async write(record: BaseRecord): Promise<void> {
    let file: NewFile | undefined;
    try {
      file = await NewFile.create(this.#path);
      for (const part of encodeRecord(record)) {
        await file.append([part]);
      }
      await file.commit();
    } catch (error) {
      await file?.discard().catch(() => undefined);
      throw unkept(messageOf(error));
    }
  }

  /**
   * Removes the record, if there is one. When this returns, that is on the disk.
   *
   * @throws CopyError
   */
  async remove(): Promise<void> {
    try {
      await removeName(this.#path);
      await syncFolder(this.#path);
    } catch (error) {
      throw unkept(systemReason(error));
    }
  }

  #unreadable(error: unknown): Unreadable {
    return { reason: `the record ${this.#path} cannot be used: ${messageOf(error)}` };
  }
}

/**
 * Lets no other incremental copy from this host use a destination until this process ends. The destination itself is free again before its
 * copy is recorded: without this lock, a copy that begins in between would not find that record, which would then promise what no longer
 * holds.
 *
 * @throws CopyError
 */
export async function lockDestination(
  engine: Binding.Engine,
  destination: Destination,
): Promise<void> {
  for (const name of locksOf(destination)) {
    await keepLocked(engine, join(STATE_FOLDER, name));
  }
}

async function keepLocked(engine: Binding.Engine, path: string): Promise<void> {
  let lock: StateLock | undefined;
  try {
    lock = await tryLock(engine, path);
  } catch (error) {
    throw unkept(messageOf(error));
  }
  if (lock === undefined) {
    throw new CopyError(
      "another copy with the same --incremental NAME of this volume, or to the same destination, is running",
      "wait for it to end, then run it again",
      ExitCode.later,
    );
  }
  locks.push(lock);
}

/** Lists a folder. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await promises.readdir(folder);
  } catch (error) {
    throw unkept(systemReason(error));
  }
}

/** True if two descriptions may be of one file or device. */
function isSame(one: Destination, other: Destination): boolean {
  const isNamedAlike = one.host === other.host && one.path === other.path;
  return isNamedAlike || (one.identity !== null && one.identity === other.identity);
}

async function contentOf(file: StreamFile): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of file.chunks()) {
    length += chunk.length;
    if (length > MOST_BYTES) {
      throw new Error("it is too long");
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function unkept(reason: string): CopyError {
  return new CopyError(
    `the record of --incremental cannot be kept in ${STATE_FOLDER}: ${reason}`,
    `make that folder writable for the user who reads the source, and for no other (mode 700 in ${dirname(STATE_FOLDER)}), or free space there`,
    ExitCode.unavailable,
  );
}
