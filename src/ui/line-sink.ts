import {
  constants,
  fstatSync,
  // oxlint-disable-next-line no-restricted-imports -- it opens only files in /proc
  openSync,
  writeSync,
} from "node:fs";

import { clock } from "../native/clock.ts";
import { pause } from "../native/pause.ts";

/** Milliseconds between two attempts to write to a pipe that is full. */
const RETRY_MILLISECONDS = 5;

/** Most bytes that wait for a reader. Beyond that, the program waits. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * A standard descriptor for lines. A reader that stops reading does not stop the program, which could otherwise not even react to a signal:
 * what does not fit into a pipe is written later.
 */
export class LineSink {
  readonly #standard: number;
  #fd: number | undefined;
  #waiting = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;

  constructor(fd: number) {
    this.#standard = fd;
  }

  /**
   * Writes text, now or later.
   *
   * @returns the name of the system's error, such as `EPIPE`; undefined if there is none so far
   */
  write(text: string): string | undefined {
    this.#waiting = Buffer.concat([this.#waiting, Buffer.from(text)]);
    const failure = this.#writeSome();
    if (failure !== undefined) {
      return failure;
    }
    if (this.#waiting.length > MOST_BYTES) {
      return this.#writeAll(Infinity);
    }
    // Keeps the process alive until all is written.
    if (this.#waiting.length > 0) {
      this.#timer ??= setInterval(() => this.#writeSome(), RETRY_MILLISECONDS);
    }
    return undefined;
  }

  /** True if all is written, or cannot be. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Writes all that waits, without the event loop, and gives up after `patience` milliseconds. */
  flush(patience: number): void {
    this.#writeAll(patience);
  }

  #writeAll(patience: number): string | undefined {
    const begun = clock();
    while (this.#waiting.length > 0 && clock() - begun < patience) {
      const failure = this.#writeSome();
      if (failure !== undefined) {
        return failure;
      }
      if (this.#waiting.length > 0) {
        pause(RETRY_MILLISECONDS);
      }
    }
    return undefined;
  }

  /** Writes what fits. After an error, nothing waits any more. */
  #writeSome(): string | undefined {
    let failure: string | undefined;
    try {
      this.#fd ??= withoutBlocking(this.#standard);
      while (this.#waiting.length > 0) {
        this.#waiting = this.#waiting.subarray(writeSync(this.#fd, this.#waiting));
      }
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
      if (code === "EAGAIN") {
        return undefined;
      }
      failure = code;
      this.#waiting = Buffer.alloc(0);
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
    return failure;
  }
}

/**
 * Opens the pipe of a standard descriptor again, so that writing to it does not wait for the reader. The flag that does this belongs to an
 * open pipe: if it were set for the descriptor itself, it would be set for other programs, too. Returns the descriptor itself if it is no
 * pipe, or cannot be opened.
 */
function withoutBlocking(fd: number): number {
  try {
    return fstatSync(fd).isFIFO()
      ? openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK)
      : fd;
  } catch {
    return fd;
  }
}
