import { constants } from "node:fs";
import { basename, dirname, join } from "node:path";

import { attempt, removeName, syncFolder } from "./file-names.ts";
import { type FileHandle, promises, removeSync } from "../../native/files.ts";
import { isTemporaryName, temporaryName } from "./temporary-name.ts";
import { removeUnless } from "./unfinished.ts";

/** Bytes that are gathered before they are written. */
const BUFFER_LENGTH = 256 * 1024;

/** A file that takes its name, in the place of what has it, when all of it is on the disk, and not before. */
export class NewFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: FileHandle;
  #gathered: Uint8Array[] = [];
  #gatheredLength = 0;
  #length = 0;
  /** Called when the file is complete or removed. */
  readonly #finished: () => void;

  private constructor(path: string, temporary: string, file: FileHandle, finished: () => void) {
    this.#finished = finished;
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
  }

  /**
   * Begins one, beside what it will replace, for its owner alone.
   *
   * @throws StreamError
   */
  static async create(path: string): Promise<NewFile> {
    const temporary = temporaryName(path);
    const { O_CREAT, O_EXCL, O_WRONLY } = constants;
    // What a killed run leaves, the next one for the same file removes, see removeLeftovers.
    const finished = removeUnless(() => removeSync(temporary));
    const file = await attempt(`making ${temporary}`, 0, () =>
      promises.open(temporary, O_CREAT | O_EXCL | O_WRONLY, 0o600),
    ).catch((error: unknown) => {
      finished();
      throw error;
    });
    await removeLeftovers(path, temporary);
    return new NewFile(path, temporary, file, finished);
  }

  /**
   * Tries whether one can be made here, hours before it has to be.
   *
   * @throws StreamError
   */
  static async probe(path: string): Promise<void> {
    const file = await NewFile.create(path);
    await file.discard();
  }

  /**
   * Adds bytes at the end.
   *
   * @throws StreamError
   */
  async append(parts: readonly Uint8Array[]): Promise<void> {
    this.#gathered.push(...parts);
    this.#gatheredLength += parts.reduce((sum, { length }) => sum + length, 0);
    if (this.#gatheredLength >= BUFFER_LENGTH) {
      await this.#flush();
    }
  }

  /**
   * Writes the beginning again, as long as it was.
   *
   * @throws StreamError
   */
  async rewrite(beginning: Uint8Array): Promise<void> {
    await this.#flush();
    await this.#write(beginning, 0);
  }

  /**
   * Brings all of it to the disk and gives it its name.
   *
   * @throws StreamError
   */
  async commit(): Promise<void> {
    await this.#flush();
    await attempt(`writing ${this.#path}`, this.#length, async () => {
      await this.#file.sync();
      await this.#file.close();
      await promises.rename(this.#temporary, this.#path);
      this.#finished();
      await syncFolder(this.#path);
    });
  }

  /** Gives it up. */
  async discard(): Promise<void> {
    await attempt(`removing ${this.#temporary}`, this.#length, async () => {
      await this.#file.close();
      await removeName(this.#temporary);
      this.#finished();
    });
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredLength = 0;
    await this.#write(bytes, this.#length);
    this.#length += bytes.length;
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await attempt(`writing ${this.#temporary}`, position + at, () =>
        this.#file.write(bytes, at, bytes.length - at, position + at),
      );
      at += bytesWritten;
    }
  }
}

/** Takes away what runs that were killed have left for the same file, but `own`. Nobody else gives such names. */
async function removeLeftovers(path: string, own: string): Promise<void> {
  const folder = dirname(path);
  await attempt(`looking into ${folder}`, 0, async () => {
    for (const found of await promises.readdir(folder)) {
      if (isTemporaryName(found, path) && found !== basename(own)) {
        await removeName(join(folder, found));
      }
    }
  });
}
