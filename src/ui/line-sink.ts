import {
  constants,
  fstatSync,
  // oxlint-disable-next-line no-restricted-imports -- it opens only files in /proc
  openSync,
  writeSync,
} from "node:fs";

import { clock } from "../native/clock.ts";
import { pause } from "../native/pause.ts";

/**
 * Writes to a standard descriptor what fits into its pipe or socket, and returns the number of bytes: 0 if that is full. Throws errors with a
 * `code`, as Node does.
 */
export type WriteNow = (fd: number, bytes: Uint8Array) => number;

/** Milliseconds between two attempts to write to a pipe or socket that is full. */
const RETRY_MILLISECONDS = 5;

/** Most bytes that wait for a reader. Beyond that, the program waits. */
const MOST_BYTES = 16 * 1024 * 1024;

/** Most bytes in a piece of what waits, so that one more line does not copy all lines before it. */
const PIECE_LENGTH = 64 * 1024;

let writeNow: WriteNow | undefined;

/** Has sockets, and pipes of other users, written to by the engine from now on. Until then, writing to them waits for the reader. */
export function writeByEngine(write: WriteNow): void {
  writeNow = write;
}

/**
 * A standard descriptor for lines. A reader that stops reading does not stop the program, which could otherwise not even react to a signal:
 * what does not fit into a pipe or socket is written later.
 */
export class LineSink {
  readonly #standard: number;
  #way: Way | undefined;
  /** The bytes that wait, in pieces that are not empty. */
  #waiting: Buffer[] = [];
  #length = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(fd: number) {
    this.#standard = fd;
  }

  /**
   * Writes text, now or later.
   *
   * @returns the error code, such as `EPIPE`; undefined if no write has failed
   */
  write(text: string): string | undefined {
    this.#add(Buffer.from(text));
    const failure = this.#writeSome();
    if (failure !== undefined) {
      return failure;
    }
    if (this.#length > MOST_BYTES) {
      return this.#writeAll(Infinity);
    }
    // Keeps the process alive until all is written.
    if (!this.isEmpty) {
      this.#timer ??= setInterval(() => this.#writeSome(), RETRY_MILLISECONDS);
    }
    return undefined;
  }

  /** True if all is written, or cannot be. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Writes all that waits, without the event loop, and gives up after `patience` milliseconds. */
  flush(patience: number): void {
    this.#writeAll(patience);
  }

  #add(bytes: Buffer): void {
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.length + bytes.length <= PIECE_LENGTH) {
      this.#waiting.splice(-1, 1, Buffer.concat([last, bytes]));
    } else if (bytes.length > 0) {
      this.#waiting.push(bytes);
    }
    this.#length += bytes.length;
  }

  /** Drops the bytes of the first piece that have been written. */
  #drop(first: Buffer, count: number): void {
    this.#length -= count;
    if (count === first.length) {
      this.#waiting.shift();
    } else {
      this.#waiting[0] = first.subarray(count);
    }
  }

  #writeAll(patience: number): string | undefined {
    const begun = clock();
    while (!this.isEmpty && clock() - begun < patience) {
      const failure = this.#writeSome();
      if (failure !== undefined) {
        return failure;
      }
      if (!this.isEmpty) {
        pause(RETRY_MILLISECONDS);
      }
    }
    return undefined;
  }

  /** Writes what fits. After an error, nothing waits any more. */
  #writeSome(): string | undefined {
    let failure: string | undefined;
    try {
      const { fd, waits } = (this.#way ??= wayTo(this.#standard));
      const write = waits && writeNow !== undefined ? writeNow : writeSync;
      for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
        const written = write(fd, first);
        if (written === 0) {
          return undefined;
        }
        this.#drop(first, written);
      }
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
      if (code === "EAGAIN") {
        return undefined;
      }
      failure = code;
      this.#waiting = [];
      this.#length = 0;
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
    return failure;
  }
}

/** The way to write to a standard descriptor. */
interface Way {
  fd: number;
  /** True if a plain write would wait for the reader. */
  waits: boolean;
}

/**
 * Opens the pipe of a standard descriptor again, so that writing to it does not wait for the reader. The flag that does this belongs to an
 * open pipe: if it were set for the descriptor itself, it would be set for other programs, too. A socket cannot be opened again, nor can a
 * pipe of another user: there, each write has to say that it does not wait. Files and terminals are written to as they are.
 */
function wayTo(fd: number): Way {
  const stat = fstatSync(fd);
  if (stat.isFIFO()) {
    try {
      const again = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
      return { fd: again, waits: false };
    } catch {
      return { fd, waits: true };
    }
  }
  return { fd, waits: stat.isSocket() };
}
