import { constants } from "node:fs";
import { basename, dirname, join } from "node:path";

import { attempt, removeName, syncFolder } from "./file-names.ts";
import { type FileHandle, promises, removeSync } from "../../native/files.ts";
import { isTemporaryName, temporaryName } from "./temporary-name.ts";
import { removeUnless } from "./unfinished.ts";

/** Bytes that are buffered before they are written. */
const BUFFER_LENGTH = 256 * 1024;

/** A file that is written under a temporary name. It gets its name, and replaces an older file, once all of it is on the disk. */
export class NewFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: FileHandle;
  #buffered: Uint8Array[] = [];
  #bufferedLength = 0;
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
   * Makes an empty one in the folder of `path`. Only its owner may read it.
   *
   * @throws StreamError
   */
  static async create(path: string): Promise<NewFile> {
    const temporary = temporaryName(path);
    const { O_CREAT, O_EXCL, O_WRONLY } = constants;
    // If this run is killed, the next one for the same path removes the file, see removeLeftovers.
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
   * Makes and removes one, to find out early if that is possible: at the end of a run it would be hours later.
   *
   * @throws StreamError
   */
  static async probe(path: string): Promise<void> {
    const file = await NewFile.create(path);
    await file.discard();
  }

  /**
   * Appends `parts`.
   *
   * @throws StreamError
   */
  async append(parts: readonly Uint8Array[]): Promise<void> {
    this.#buffered.push(...parts);
    this.#bufferedLength += parts.reduce((sum, { length }) => sum + length, 0);
    if (this.#bufferedLength >= BUFFER_LENGTH) {
      await this.#flush();
    }
  }

  /**
   * Overwrites the start of the file with bytes of the same length.
   *
   * @throws StreamError
   */
  async rewrite(start: Uint8Array): Promise<void> {
    await this.#flush();
    await this.#write(start, 0);
  }

  /**
   * Syncs the file and gives it its name.
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

  /** Removes the file. */
  async discard(): Promise<void> {
    await attempt(`removing ${this.#temporary}`, this.#length, async () => {
      await this.#file.close();
      await removeName(this.#temporary);
      this.#finished();
    });
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#buffered);
    this.#buffered = [];
    this.#bufferedLength = 0;
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

/** Removes the temporary files that killed runs have left for the same path, except `own`. No other program uses such names. */
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
