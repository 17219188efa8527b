import {
  close,
  closeSync,
  constants,
  fstatSync,
  // oxlint-disable-next-line no-restricted-imports -- it opens only files in /proc
  open,
  // oxlint-disable-next-line no-restricted-imports -- the same
  openSync,
  read,
  write,
  writev,
} from "node:fs";
import { promisify } from "node:util";

import type * as Binding from "../../native/binding.js";
import { Pace } from "./pace.ts";
import { ReaderGoneError, StreamError, systemCode } from "../../errors/stream-errors.ts";
import { waited } from "./time-waited.ts";

/** The part of the addon that the standard streams use. */
type Plumbing = Pick<typeof Binding, "setBlocking" | "setPipeSize" | "waitFor">;

/** Capacity of a pipe between two stages, in bytes: the most that any user may set (pipe-max-size), for few context switches. */
const PIPE_LENGTH = 1024 * 1024;

const STDIN = 0;
const STDOUT = 1;

/** Opens the file of standard output anew. */
const STDOUT_FILE = `/proc/self/fd/${STDOUT}`;

const closeFile = promisify(close);
const openFile = promisify(open);
const writeAt = promisify(write);

/** Reads standard input or another descriptor without Node's stream, which is several times slower than a pipe. */
export class Input {
  readonly #plumbing: Plumbing;
  readonly #name: string;
  readonly #fd: number;
  #bytes = 0;

  /**
   * @param name the contents of the stream, for messages
   * @param fd a descriptor; other than standard input, no other process may share it
   */
  constructor(plumbing: Plumbing, name: string, fd = STDIN) {
    this.#plumbing = plumbing;
    this.#name = name;
    this.#fd = fd;
    if (fd === STDIN) {
      prepare(plumbing, fd);
    }
  }

  /** Bytes read so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Reads at least one byte into `target`, and as many as are available.
   *
   * @returns the number of bytes; 0 at the end of the stream
   * @throws StreamError
   */
  read(target: Uint8Array): Promise<number> {
    return this.#fd === STDIN
      ? waited.input.during(() => this.#readSome(target))
      : this.#readSome(target);
  }

  async #readSome(target: Uint8Array): Promise<number> {
    for (;;) {
      try {
        const count = await readSome(this.#fd, target);
        this.#bytes += count;
        return count;
      } catch (error) {
        const code = systemCode(error);
        if (code === undefined) {
          throw error;
        }
        // Another process that shares the pipe, such as ssh, can make it non-blocking at any time.
        if (code !== "EAGAIN" || this.#fd !== STDIN) {
          throw new StreamError(`reading the ${this.#name}`, code, this.#bytes);
        }
        await this.#plumbing.waitFor(STDIN, "readable");
      }
    }
  }

  /** Fills `target`. Returns the number of bytes; fewer only at the end of the stream. */
  async readFully(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      const count = await this.read(target.subarray(filled));
      if (count === 0) {
        break;
      }
      filled += count;
    }
    return filled;
  }
}

/** Writes standard output without Node's stream. */
export class Output {
  readonly #plumbing: Plumbing;
  readonly #name: string;
  readonly #pace: Pace | undefined;
  #bytes = 0;
  #ending = false;
  /** True if it is a file that was empty, whose start can be written again. */
  readonly isRewritable: boolean;

  /**
   * @param name the contents of the stream, for messages
   * @param rate the most bytes per second; undefined for no limit
   */
  constructor(plumbing: Plumbing, name: string, rate?: number) {
    this.#plumbing = plumbing;
    this.#name = name;
    this.#pace = rate === undefined ? undefined : new Pace(rate);
    prepare(plumbing, STDOUT);
    const status = fstatSync(STDOUT);
    this.isRewritable = status.isFile() && status.size === 0 && canReopen();
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Writes `parts`: at most 1024, the limit of writev(2) (IOV_MAX).
   *
   * @throws ReaderGoneError, StreamError
   */
  async write(parts: Uint8Array[]): Promise<void> {
    let rest = parts;
    while (rest.length > 0) {
      const next = rest;
      rest = after(rest, await waited.output.during(() => this.#writePiece(next)));
    }
  }

  /** Writes as much of `parts` as the pace allows. Returns the number of bytes. */
  async #writePiece(parts: Uint8Array[]): Promise<number> {
    await this.#pace?.ready();
    const count = await this.#writeSome(firstOf(parts, this.#pace?.piece));
    this.#pace?.wrote(count);
    return count;
  }

  /**
   * Overwrites the start of a stream in a file with bytes of the same length.
   *
   * @throws StreamError
   */
  async rewrite(start: Uint8Array): Promise<void> {
    try {
      // Opened anew: after `>>`, every write to the descriptor itself goes to the end of the file.
      const file = await openFile(STDOUT_FILE, constants.O_WRONLY);
      await writeAt(file, start, 0, start.length, 0);
      await closeFile(file);
    } catch (error) {
      throw this.#failure("writing the beginning of", error);
    }
  }

  /**
   * Writes the end of the stream and closes it. Some file systems only report on closing that they are full.
   *
   * @throws ReaderGoneError, StreamError
   */
  async finish(parts: Uint8Array[]): Promise<void> {
    this.#ending = true;
    await this.write(parts);
    try {
      await closeFile(STDOUT);
    } catch (error) {
      throw this.#failure("closing", error);
    }
  }

  /**
   * Does `work`, which writes the stream. Fails as soon as the reader has gone, even while nothing is being written.
   *
   * @throws ReaderGoneError, and whatever `work` throws
   */
  whileRead(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      work().then(resolve, reject);
      this.#plumbing.waitFor(STDOUT, "readerGone").then(() => {
        // Once the end is being written, a reader may leave; had it left too early, the write would fail.
        if (!this.#ending) {
          reject(this.#gone());
        }
      }, reject);
    });
  }

  async #writeSome(parts: Uint8Array[]): Promise<number> {
    for (;;) {
      try {
        const count = await writeSome(parts);
        this.#bytes += count;
        return count;
      } catch (error) {
        if (systemCode(error) !== "EAGAIN") {
          throw this.#failure("writing", error);
        }
        await this.#plumbing.waitFor(STDOUT, "writable");
      }
    }
  }

  #failure(action: string, error: unknown): unknown {
    const code = systemCode(error);
    if (code === "EPIPE") {
      return this.#gone();
    }
    return code === undefined
      ? error
      : new StreamError(`${action} the ${this.#name}`, code, this.#bytes);
  }

  #gone(): ReaderGoneError {
    return new ReaderGoneError(
      `nobody reads the ${this.#name} any more (EPIPE), after ${this.#bytes} bytes`,
    );
  }
}

/** Makes a descriptor blocking again, in case a terminal library has changed it, and enlarges a pipe. */
function prepare(plumbing: Plumbing, fd: number): void {
  plumbing.setBlocking(fd);
  plumbing.setPipeSize(fd, PIPE_LENGTH);
}

/**
 * True if the file of standard output can be opened anew, which a file of another user or an append-only one cannot. It is tried at the
 * start: finding out at the end would be hours later.
 */
function canReopen(): boolean {
  try {
    closeSync(openSync(STDOUT_FILE, constants.O_WRONLY));
    return true;
  } catch {
    return false;
  }
}

function readSome(fd: number, target: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, target, 0, target.length, null, (error, count) =>
      error === null ? resolve(count) : reject(error),
    );
  });
}

function writeSome(parts: Uint8Array[]): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(STDOUT, parts, (error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

/** Returns the first `count` bytes of `parts`, or all of them if there are fewer. */
function firstOf(parts: Uint8Array[], count = Infinity): Uint8Array[] {
  let left = count;
  for (const [index, part] of parts.entries()) {
    if (left < part.length) {
      return [...parts.slice(0, index), part.subarray(0, left)];
    }
    left -= part.length;
  }
  return parts;
}

/** Returns `parts` without their first `count` bytes. */
function after(parts: Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  for (const [index, part] of parts.entries()) {
    if (left < part.length) {
      return [part.subarray(left), ...parts.slice(index + 1)];
    }
    left -= part.length;
  }
  return [];
}
