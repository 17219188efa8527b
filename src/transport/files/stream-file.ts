import { constants } from "node:fs";

import { attempt, removeName, syncFolder } from "./file-names.ts";
import { type FileHandle, promises } from "../../native/files.ts";
import { OpenError, systemCode } from "../../errors/stream-errors.ts";
import { type Distrust, distrustOfFile } from "./trusted.ts";

/** Bytes that are read at once. */
const READ_LENGTH = 256 * 1024;

/** A file that holds a stream, to be read from its beginning as often as is wanted. */
export class StreamFile {
  readonly path: string;
  /** Whether it is a regular file: what else has a name can neither be read twice nor be replaced. */
  readonly isRegular: boolean;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle, isRegular: boolean) {
    this.path = path;
    this.#file = file;
    this.isRegular = isRegular;
  }

  /**
   * Opens it; undefined when there is none.
   *
   * @throws OpenError
   */
  static async open(path: string): Promise<StreamFile | undefined> {
    try {
      // A named pipe would otherwise wait for somebody who writes to it.
      const file = await promises.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      return new StreamFile(path, file, (await file.stat()).isFile());
    } catch (error) {
      const code = systemCode(error);
      if (code === "ENOENT") {
        return undefined;
      }
      throw code === undefined ? error : new OpenError(path, code);
    }
  }

  /**
   * Finds what lets another user change it.
   *
   * @throws OpenError
   */
  async distrust(): Promise<Distrust | undefined> {
    try {
      return await distrustOfFile(this.#file, this.path);
    } catch (error) {
      const code = systemCode(error);
      throw code === undefined ? error : new OpenError(this.path, code);
    }
  }

  /**
   * All of it, in chunks, each of which is a buffer of its own.
   *
   * @throws StreamError
   */
  async *chunks(): AsyncGenerator<Uint8Array> {
    for (let position = 0; ;) {
      const chunk = new Uint8Array(READ_LENGTH);
      const { bytesRead } = await attempt(`reading ${this.path}`, position, () =>
        this.#file.read(chunk, 0, chunk.length, position),
      );
      if (bytesRead === 0) {
        return;
      }
      position += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  }

  /**
   * Takes its name away, now and on the disk, for good also after a loss of power. What has it open can still read it.
   *
   * @throws StreamError
   */
  async remove(): Promise<void> {
    await attempt(`removing ${this.path}`, 0, async () => {
      await removeName(this.path);
      await syncFolder(this.path);
    });
  }

  /** Closes it; nothing more can be read. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}
