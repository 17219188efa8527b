import {
  close,
  closeSync,
  constants,
  fstatSync,
  // oxlint-disable-next-line no-restricted-imports -- it opens only files in /proc
  open,
  // oxlint-disable-next-line no-restricted-imports -- the same
  openSync,
  write,
  writev,
} from "node:fs";
import { promisify } from "node:util";

import { ReaderGoneError, StreamError, systemCode } from "../../errors/stream-errors.ts";
import { type Plumbing, prepareDescriptor } from "./descriptor.ts";
import { Pace } from "./pace.ts";
import { waited } from "./time-waited.ts";

const STDOUT = 1;

/** Reopens the file of standard output. */
const STDOUT_FILE = `/proc/self/fd/${STDOUT}`;

const closeFile = promisify(close);
const openFile = promisify(open);
const writeAt = promisify(write);

/** Details of an output. */
export interface OutputOptions {
  /** The most bytes per second; undefined for no limit. */
  rate?: number | undefined;
  /** A blocking descriptor that no other process shares; standard output, unless given. */
  fd?: number;
}

/** Writes standard output, or another descriptor, without Node's stream. */
export class Output {
  readonly #plumbing: Plumbing;
  readonly #name: string;
  readonly #pace: Pace | undefined;
  readonly #fd: number;
  #bytes = 0;
  #ending = false;
  #isClosed = false;
  #writing: Promise<number> | undefined;
  /** True if it is a file that was empty, whose start can be written again. */
  readonly isRewritable: boolean;

  /** @param name the contents of the stream, for messages */
  constructor(plumbing: Plumbing, name: string, { rate, fd = STDOUT }: OutputOptions = {}) {
    this.#plumbing = plumbing;
    this.#name = name;
    this.#pace = rate === undefined ? undefined : new Pace(rate);
    this.#fd = fd;
    if (fd !== STDOUT) {
      this.isRewritable = false;
      return;
    }
    prepareDescriptor(plumbing, STDOUT);
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
      const writing = (): Promise<number> => this.#writePiece(next);
      rest = after(rest, await (this.#fd === STDOUT ? waited.output.during(writing) : writing()));
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
      // Reopened: after `>>`, every write to the descriptor itself goes to the end of the file.
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
   * @throws ReaderGoneError, StreamError; Error if it has been closed in the meantime
   */
  async finish(parts: Uint8Array[]): Promise<void> {
    this.#ending = true;
    await this.write(parts);
    // Closed while the last write was going on: the descriptor may be another file by now.
    this.#refuseClosed();
    try {
      this.#isClosed = true;
      await closeFile(this.#fd);
    } catch (error) {
      throw this.#failure("closing", error);
    }
  }

  /** Closes the descriptor, unless the stream is finished, once the write that is going on has ended. */
  async close(): Promise<void> {
    const isOpen = !this.#isClosed;
    this.#isClosed = true;
    await this.#writing?.catch(() => undefined);
    if (isOpen) {
      closeSync(this.#fd);
    }
  }

  /**
   * Does `work`, which writes standard output. Fails as soon as the reader has gone, even while nothing is being written.
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
        this.#refuseClosed();
        this.#writing = writeSome(this.#fd, parts);
        const count = await this.#writing;
        this.#bytes += count;
        return count;
      } catch (error) {
        if (systemCode(error) !== "EAGAIN" || this.#fd !== STDOUT) {
          throw this.#failure("writing", error);
        }
        await this.#plumbing.waitFor(STDOUT, "writable");
      }
    }
  }

  /** Refuses to write after the end: the descriptor may be another file by then. */
  #refuseClosed(): void {
    if (this.#isClosed) {
      throw new Error(`the ${this.#name} is closed`);
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
      `no process reads the ${this.#name} any more (EPIPE), after ${this.#bytes} bytes`,
    );
  }
}

/**
 * True if the file of standard output can be reopened, which a file of another user or an append-only one cannot. It is tried at the
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

function writeSome(fd: number, parts: Uint8Array[]): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(fd, parts, (error, count) => (error === null ? resolve(count) : reject(error)));
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
