import { type BigIntStats, closeSync, constants, fstatSync, fsyncSync } from "node:fs";

import { systemCode } from "../../errors/stream-errors.ts";
import { lstatExactSync, openSync, removeSync } from "../../native/files.ts";
import { syncFolder } from "./file-names.ts";
import { removeUnless } from "./unfinished.ts";

/**
 * A file that was created here. The process removes it when it ends, unless it is kept, or its name leads to another file. Until then it
 * stays open for writing: another copy refuses it, and so does not write to a file that is about to be removed.
 */
export class CreatedFile {
  readonly #path: string;
  /** Open for reading and writing. */
  readonly descriptor: number;
  readonly stat: BigIntStats;
  readonly #forget: () => void;
  #isKept = false;

  /**
   * Creates an empty file that only its owner may read. Never opens an existing one, nor what a link leads to.
   *
   * @throws the system's error
   */
  constructor(path: string) {
    const { O_CREAT, O_EXCL, O_RDWR } = constants;
    this.#path = path;
    this.descriptor = openSync(path, O_CREAT | O_EXCL | O_RDWR, 0o600);
    this.stat = this.now();
    this.#forget = removeUnless(() => this.#remove());
  }

  /**
   * Syncs the file and its name. Some file systems cannot sync folders.
   *
   * @throws the system's error
   */
  async sync(): Promise<void> {
    fsyncSync(this.descriptor);
    try {
      await syncFolder(this.#path);
    } catch (error) {
      if (systemCode(error) !== "EINVAL") {
        throw error;
      }
    }
  }

  /** Returns its present status. Only until it is kept. */
  now(): BigIntStats {
    return fstatSync(this.descriptor, { bigint: true });
  }

  /** Keeps the file, and closes it. */
  keep(): void {
    if (!this.#isKept) {
      this.#isKept = true;
      this.#forget();
      closeSync(this.descriptor);
    }
  }

  #remove(): void {
    const { dev, ino } = lstatExactSync(this.#path);
    if (dev === this.stat.dev && ino === this.stat.ino) {
      removeSync(this.#path);
    }
  }
}
