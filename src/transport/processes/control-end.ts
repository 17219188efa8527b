import { closeSync, writeSync } from "node:fs";

import { writeAll } from "../streams/pump.ts";

/** The end of a control channel in this process. */
export class ControlEnd {
  readonly #fd: number;
  readonly #hasPreface: boolean;
  /** Settles when all is written; undefined if nothing is being written. */
  #writing: Promise<void> | undefined;
  #isClosed = false;

  constructor(fd: number, preface: AsyncIterable<Uint8Array> | undefined) {
    this.#fd = fd;
    this.#hasPreface = preface !== undefined;
    if (preface !== undefined) {
      this.#during(this.#write(preface));
    }
  }

  /**
   * Writes a few bytes. Without a preface, there is always room for them, and they are written at once; after one, the program may first
   * have to read some of it. A close during the preface cuts it off and drops these bytes: they must not follow a part of it, and the program
   * takes the early end for a failure.
   */
  tell(text: string): void {
    if (this.#hasPreface) {
      const before = Promise.resolve(this.#writing);
      this.#during(before.then(() => this.#attempt(() => writeAll(this.#fd, Buffer.from(text)))));
    } else {
      void this.#attempt(() => void writeSync(this.#fd, text));
    }
  }

  /** Closes it, but never during a write: its number may belong to another file by then. */
  close(): void {
    this.#isClosed = true;
    if (this.#writing === undefined) {
      closeSync(this.#fd);
    } else {
      void this.#writing.then(() => closeSync(this.#fd));
    }
  }

  #during(work: Promise<void>): void {
    const writing = work.finally(() => {
      if (this.#writing === writing) {
        this.#writing = undefined;
      }
    });
    this.#writing = writing;
  }

  #write(preface: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#attempt(async () => {
      for await (const chunk of preface) {
        if (this.#isClosed) {
          return;
        }
        await writeAll(this.#fd, chunk);
      }
    });
  }

  /** Begins to write at once, unless the end is closed. */
  async #attempt(write: () => Promise<void> | void): Promise<void> {
    try {
      if (!this.#isClosed) {
        await write();
      }
    } catch {
      // If the program has gone, its exit status says so.
    }
  }
}
