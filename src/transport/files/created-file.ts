import { type BigIntStats, closeSync, constants, fstatSync, fsyncSync } from "node:fs";

import { systemCode } from "../../errors/stream-errors.ts";
import { lstatExactSync, openSync, removeSync } from "../../native/files.ts";
import { syncFolder } from "./file-names.ts";
import { removeUnless } from "./unfinished.ts";

/** A file that was created here. The process removes it when it ends, unless it is kept, or its name leads to another file. */
export class CreatedFile {
  readonly #path: string;
  /** Open for reading and writing. */
  readonly descriptor: number;
  readonly stat: BigIntStats;
  /** Keeps the file. */
  readonly keep: () => void;

  /**
   * Creates an empty file that only its owner may read. Never opens an existing one, nor what a link leads to.
   *
   * @throws the system's error
   */
  constructor(path: string) {
    const { O_CREAT, O_EXCL, O_RDWR } = constants;
    this.#path = path;
    this.descriptor = openSync(path, O_CREAT | O_EXCL | O_RDWR, 0o600);
    this.stat = fstatSync(this.descriptor, { bigint: true });
    this.keep = removeUnless(() => this.#remove());
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

  close(): void {
    closeSync(this.descriptor);
  }

  #remove(): void {
    const { dev, ino } = lstatExactSync(this.#path);
    if (dev === this.stat.dev && ino === this.stat.ino) {
      removeSync(this.#path);
    }
  }
}
