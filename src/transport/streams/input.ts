import { closeSync, read } from "node:fs";

import { StreamError, systemCode } from "../../errors/stream-errors.ts";
import { type Plumbing, prepareDescriptor } from "./descriptor.ts";
import { waited } from "./time-waited.ts";

const STDIN = 0;

/** Reads standard input or another descriptor without Node's stream, which is several times slower than a pipe. */
export class Input {
  readonly #plumbing: Plumbing;
  readonly #name: string;
  readonly #fd: number;
  #bytes = 0;
  /** Bytes that were read, and are read again. */
  #again = new Uint8Array(0);
  #reading: Promise<number> | undefined;
  #isClosed = false;

  /**
   * @param name the contents of the stream, for messages
   * @param fd a descriptor; other than standard input, no other process may share it
   */
  constructor(plumbing: Plumbing, name: string, fd = STDIN) {
    this.#plumbing = plumbing;
    this.#name = name;
    this.#fd = fd;
    if (fd === STDIN) {
      prepareDescriptor(plumbing, fd);
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

  /** Takes back the last bytes that were read: the next reads return them again. */
  unread(bytes: Uint8Array): void {
    this.#again = Uint8Array.from([...bytes, ...this.#again]);
    this.#bytes -= bytes.length;
  }

  async #readSome(target: Uint8Array): Promise<number> {
    if (this.#again.length > 0) {
      const count = Math.min(this.#again.length, target.length);
      target.set(this.#again.subarray(0, count));
      this.#again = this.#again.subarray(count);
      this.#bytes += count;
      return count;
    }
    for (;;) {
      try {
        if (this.#isClosed) {
          throw new Error(`the ${this.#name} is closed`);
        }
        this.#reading = readSome(this.#fd, target);
        const count = await this.#reading;
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

  /** Closes the descriptor once the read that is going on has ended: another file could get its number before that. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reading?.catch(() => undefined);
    closeSync(this.#fd);
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

function readSome(fd: number, target: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, target, 0, target.length, null, (error, count) =>
      error === null ? resolve(count) : reject(error),
    );
  });
}
