import { constants } from "node:fs";

import { attempt, removeName, syncFolder } from "./file-names.ts";
import { type FileHandle, promises } from "../../native/files.ts";
import { OpenError, systemCode } from "../../errors/stream-errors.ts";
import { type Distrust, distrustOfFile } from "./trust.ts";

/** Bytes per read. */
const READ_LENGTH = 256 * 1024;

/** The file that a name led to when it was removed. */
export type Removed = "this" | "another" | "nothing";

/** A file that holds a stream, which can be read several times. */
export class StreamFile {
  readonly path: string;
  /** True for a regular file: nothing else can be read twice or replaced. */
  readonly isRegular: boolean;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle, { isRegular }: { isRegular: boolean }) {
    this.path = path;
    this.#file = file;
    this.isRegular = isRegular;
  }

  /**
   * Opens a file.
   *
   * @param found the name to open it by, if that is another one than the name for messages
   * @returns undefined if it does not exist
   * @throws OpenError
   */
  static async open(path: string, found = path): Promise<StreamFile | undefined> {
    try {
      // Without O_NONBLOCK, opening a named pipe would wait for a writer.
      const file = await promises.open(found, constants.O_RDONLY | constants.O_NONBLOCK);
      const stat = await file.stat().catch(async (error: unknown) => {
        await file.close();
        throw error;
      });
      return new StreamFile(path, file, { isRegular: stat.isFile() });
    } catch (error) {
      const code = systemCode(error);
      if (code === "ENOENT") {
        return undefined;
      }
      throw code === undefined ? error : new OpenError(path, code);
    }
  }

  /** The number of its descriptor, by which another process can open it. */
  get descriptor(): number {
    return this.#file.fd;
  }

  /**
   * Finds what lets another user change the file.
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
   * Reads the whole file in chunks. Each chunk is a buffer of its own.
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
   * Reads up to `length` bytes from `position` on; fewer at the end of the file.
   *
   * @throws StreamError
   */
  async read(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const at = position + filled;
      const { bytesRead } = await attempt(`reading ${this.path}`, at, () =>
        this.#file.read(bytes, filled, length - filled, at),
      );
      if (bytesRead === 0) {
        break;
      }
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  }

  /**
   * Removes the name, and syncs the folder, so that it is gone after a power loss too. An open file can still be read.
   *
   * @returns what was removed: this file, another one that has taken its name, or nothing
   * @throws StreamError
   */
  remove(): Promise<Removed> {
    return attempt(`removing ${this.path}`, 0, async () => {
      const own = await this.#file.stat();
      const named = await promises.lstat(this.path).catch(() => undefined);
      const isThis = named?.dev === own.dev && named.ino === own.ino;
      const isRemoved = await removeName(this.path);
      // Another process of the same copy may have removed it just now, and not synced yet.
      await syncFolder(this.path);
      return !isRemoved ? "nothing" : isThis ? "this" : "another";
    });
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}
