import {
  close,
  closeSync,
  constants,
  fstatSync,
  // oxlint-disable-next-line no-restricted-imports -- what is opened here is in /proc
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

/** What the standard streams need of the engine. */
type Plumbing = Pick<typeof Binding, "setBlocking" | "setPipeSize" | "waitFor">;

/** Bytes that a pipe between two stages holds: few switches between the processes, and any user may ask for it. */
const PIPE_LENGTH = 1024 * 1024;

const STDIN = 0;
const STDOUT = 1;

/** The file behind standard output, for opening it once more. */
const STDOUT_FILE = `/proc/self/fd/${STDOUT}`;

const closeFile = promisify(close);
const openFile = promisify(open);
const writeAt = promisify(write);

/**
 * Standard input, or another descriptor, as bytes, read straight from its descriptor: Node's own stream moves a fraction of what a pipe
 * can.
 */
export class Input {
  readonly #plumbing: Plumbing;
  readonly #name: string;
  readonly #fd: number;
  #bytes = 0;

  /** `name` is what the stream carries, for errors; a descriptor besides standard input is one that nobody shares. */
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
   * Reads what there is, at least one byte, into `target`. Returns how many bytes, 0 at the end.
   *
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
        // Another process that shares the pipe, as ssh does, can make it non-blocking at any time.
        if (code !== "EAGAIN" || this.#fd !== STDIN) {
          throw new StreamError(`reading the ${this.#name}`, code, this.#bytes);
        }
        await this.#plumbing.waitFor(STDIN, "readable");
      }
    }
  }

  /** Fills `target` as far as the stream reaches. Returns how many bytes; fewer than asked for at the end. */
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

/** Standard output as bytes, written straight to its descriptor. */
export class Output {
  readonly #plumbing: Plumbing;
  readonly #name: string;
  readonly #pace: Pace | undefined;
  #bytes = 0;
  #ending = false;
  /** Whether it is kept in a file of its own, whose beginning can be written again. */
  readonly isRewritable: boolean;

  /** `name` is what the stream carries, for errors; `rate` is how many bytes of it may go out in a second. */
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
   * Writes all of `parts`, in order: at most 1024 of them, which is what writev(2) takes at once (IOV_MAX).
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

  /** Writes some of `parts`, as much as its pace allows, and returns how many bytes that was. */
  async #writePiece(parts: Uint8Array[]): Promise<number> {
    await this.#pace?.ready();
    const count = await this.#writeSome(firstOf(parts, this.#pace?.piece));
    this.#pace?.spent(count);
    return count;
  }

  /**
   * Writes the beginning of a stream that is kept in a file again, as long as it was.
   *
   * @throws StreamError
   */
  async rewrite(beginning: Uint8Array): Promise<void> {
    try {
      // Not the descriptor itself: with `>>` all that is written to that goes to the end of the file.
      const file = await openFile(STDOUT_FILE, constants.O_WRONLY);
      await writeAt(file, beginning, 0, beginning.length, 0);
      await closeFile(file);
    } catch (error) {
      throw this.#failure("writing the beginning of", error);
    }
  }

  /**
   * Writes the end of the stream and closes it: some file systems report only then that they had no room.
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
   * Does `work`, which writes the stream; fails as soon as nobody reads it any more, even while nothing is written.
   *
   * @throws ReaderGoneError, and what `work` throws
   */
  whileRead(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      work().then(resolve, reject);
      this.#plumbing.waitFor(STDOUT, "readerGone").then(() => {
        // A reader may leave once it has the end of the stream; had it not, writing that would have failed.
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

/** What importing a terminal library does to the descriptor is undone, and a pipe is made as large as it may be. */
function prepare(plumbing: Plumbing, fd: number): void {
  plumbing.setBlocking(fd);
  plumbing.setPipeSize(fd, PIPE_LENGTH);
}

/**
 * Whether the file behind standard output can be opened once more. It may be another user's, from before this process had its
 * own, or be one that only grows: better to know this before hours of work than behind them.
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

/** The first `count` bytes of `parts`, if they have more. */
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

/** What is left of `parts` after their first `count` bytes. */
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
