import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { join } from "node:path";

import { type FileHandle, promises } from "../../native/files.ts";
import { givenVariable } from "../../native/arguments.ts";
import { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { describe, systemCode } from "../../errors/stream-errors.ts";

/** How much is gathered before it is written, in bytes. */
const BUFFER_LENGTH = 256 * 1024;

/** Of open(2), beside O_DIRECTORY; Node does not name it. */
const O_TMPFILE = 0o20000000;

/** Nothing can be kept outside the memory. */
class SpoolError extends CopyError {
  override readonly name = "SpoolError";

  constructor(message: string) {
    super(
      message,
      "see that there is such a folder, with room, that this user may write to, or name another one with TMPDIR",
      ExitCode.io,
    );
  }
}

/** A file without a name, for what would be too much for the memory. It is gone with the process. */
export class Spool {
  readonly #file: FileHandle;
  readonly #folder: string;
  #gathered: Buffer[] = [];
  #gatheredLength = 0;
  #length = 0;

  private constructor(file: FileHandle, folder: string) {
    this.#file = file;
    this.#folder = folder;
  }

  /**
   * Makes one in the folder that TMPDIR names, or in /var/tmp: /tmp is often memory.
   *
   * @throws SpoolError
   */
  static async create(): Promise<Spool> {
    const folder = givenVariable("TMPDIR") || "/var/tmp";
    try {
      return new Spool(await withoutName(folder), folder);
    } catch (error) {
      throw failure("make a file in", folder, error);
    }
  }

  /**
   * Adds bytes at the end.
   *
   * @throws SpoolError
   */
  async append(bytes: Buffer): Promise<void> {
    this.#gathered.push(bytes);
    this.#gatheredLength += bytes.length;
    if (this.#gatheredLength >= BUFFER_LENGTH) {
      await this.flush();
    }
  }

  /**
   * Writes what has been gathered.
   *
   * @throws SpoolError
   */
  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredLength = 0;
    try {
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.#length);
        at += bytesWritten;
        this.#length += bytesWritten;
      }
    } catch (error) {
      throw failure("write to a file in", this.#folder, error);
    }
  }

  /**
   * All that has been written, in chunks of `length` bytes, the last one short.
   *
   * @throws SpoolError
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

  async #read(chunk: Buffer, at: number, position: number): Promise<number> {
    try {
      const { bytesRead } = await this.#file.read(chunk, at, chunk.length - at, position);
      if (bytesRead > 0) {
        return bytesRead;
      }
    } catch (error) {
      throw failure("read a file in", this.#folder, error);
    }
    throw new SpoolError(`a file in ${this.#folder} became shorter while it was used`);
  }
}

/** A file that has no name from the beginning, where the file system can make one, and else one whose name is taken away at once. */
async function withoutName(folder: string): Promise<FileHandle> {
  const { O_CREAT, O_DIRECTORY, O_EXCL, O_RDWR } = constants;
  try {
    return await promises.open(folder, O_TMPFILE | O_DIRECTORY | O_RDWR, 0o600);
  } catch (error) {
    if (!["EOPNOTSUPP", "EISDIR", "EINVAL"].includes(systemCode(error) ?? "")) {
      throw error;
    }
  }
  const path = join(folder, `blockcopy-${randomUUID()}`);
  const file = await promises.open(path, O_CREAT | O_EXCL | O_RDWR, 0o600);
  await promises.unlink(path);
  return file;
}

function failure(action: string, folder: string, error: unknown): unknown {
  const code = systemCode(error);
  return code === undefined
    ? error
    : new SpoolError(`cannot ${action} ${folder}: ${describe(code)} (${code})`);
}
