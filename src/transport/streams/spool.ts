import { closeSync, constants, fstatSync, ftruncateSync, read, write } from "node:fs";
import { promisify } from "node:util";

import { openSync } from "../../native/files.ts";
import {
  openUnnamed,
  temporaryError,
  TemporaryError,
  temporaryFolder,
} from "../files/temporary.ts";

const readSome = promisify(read);
const writeSome = promisify(write);

/** Bytes that are buffered before they are written. */
const BUFFER_LENGTH = 256 * 1024;

/** A temporary file without a name, for data that may not fit into memory. The kernel removes it when the process ends. */
export class Spool {
  readonly #file: number;
  #buffered: Buffer[] = [];
  #bufferedLength = 0;
  #length = 0;

  private constructor(file: number) {
    this.#file = file;
  }

  /**
   * Makes one in the folder for temporary files.
   *
   * @throws TemporaryError
   */
  static async create(): Promise<Spool> {
    return new Spool(openUnnamed());
  }

  /**
   * Opens that of another process.
   *
   * @param path a descriptor of that process
   * @throws TemporaryError
   */
  static open(path: string): Spool {
    try {
      return Spool.over(openSync(path, constants.O_RDWR));
    } catch (error) {
      throw temporaryError("open a file in", error);
    }
  }

  /**
   * Returns one with all that is in an open file, by whatever process.
   *
   * @param file its descriptor
   * @throws TemporaryError
   */
  static over(file: number): Spool {
    const spool = new Spool(file);
    spool.#attempt("look at", () => (spool.#length = fstatSync(file).size));
    return spool;
  }

  /** The descriptor, by which another process can open it. */
  get descriptor(): number {
    return this.#file;
  }

  /**
   * Closes the file, and drops what is still buffered.
   *
   * @throws TemporaryError
   */
  close(): void {
    this.#attempt("close", () => closeSync(this.#file));
  }

  /** Bytes in the file. Those that are still buffered do not count. */
  get length(): number {
    return this.#length;
  }

  /**
   * Removes all bytes.
   *
   * @throws TemporaryError
   */
  empty(): void {
    this.#attempt("empty", () => ftruncateSync(this.#file, 0));
    this.#length = 0;
  }

  /**
   * Returns the last bytes, which do not count any more. Undefined if there are fewer.
   *
   * @throws TemporaryError
   */
  async takeEnd(length: number): Promise<Buffer | undefined> {
    if (this.#length < length) {
      return undefined;
    }
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length;) {
      at += await this.#read(bytes, at, this.#length - length + at);
    }
    this.#length -= length;
    return bytes;
  }

  /**
   * Adds bytes at the end.
   *
   * @throws TemporaryError
   */
  async append(bytes: Buffer): Promise<void> {
    this.#buffered.push(bytes);
    this.#bufferedLength += bytes.length;
    if (this.#bufferedLength >= BUFFER_LENGTH) {
      await this.flush();
    }
  }

  /**
   * Writes all buffered bytes.
   *
   * @throws TemporaryError
   */
  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#buffered);
    this.#buffered = [];
    this.#bufferedLength = 0;
    try {
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await writeSome(
          this.#file,
          bytes,
          at,
          bytes.length - at,
          this.#length,
        );
        at += bytesWritten;
        this.#length += bytesWritten;
      }
    } catch (error) {
      throw temporaryError("write to a file in", error);
    }
  }

  /**
   * Reads all bytes back, in chunks of `length` bytes; the last one may be shorter.
   *
   * @throws TemporaryError
   */
  async *chunks(length: number): AsyncGenerator<Buffer> {
    for (let position = 0; position < this.#length; position += length) {
      const chunk = Buffer.alloc(Math.min(length, this.#length - position));
      for (let at = 0; at < chunk.length;) {
        const bytesRead = await this.#read(chunk, at, position + at);
        at += bytesRead;
      }
      yield chunk;
    }
  }

  #attempt(action: string, work: () => unknown): void {
    try {
      work();
    } catch (error) {
      throw temporaryError(`${action} a file in`, error);
    }
  }

  async #read(chunk: Buffer, at: number, position: number): Promise<number> {
    try {
      const { bytesRead } = await readSome(this.#file, chunk, at, chunk.length - at, position);
      if (bytesRead > 0) {
        return bytesRead;
      }
    } catch (error) {
      throw temporaryError("read a file in", error);
    }
    throw new TemporaryError(
      `a temporary file in ${temporaryFolder()} was truncated while it was used`,
    );
  }
}
