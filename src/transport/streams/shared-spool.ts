import { read, write } from "node:fs";
import { promisify } from "node:util";

import { attempt } from "../files/file-names.ts";
import { openUnnamedIn } from "../files/temporary.ts";

const readSome = promisify(read);
const writeSome = promisify(write);

/** Bytes in a slot of the file. */
const SLOT_LENGTH = 256 * 1024;

/**
 * A file without a name for data of several queues. It consists of slots. A slot whose data have been taken is used again, so the file needs
 * about as much space as the most data that have waited at the same time. The kernel removes it when the process ends.
 */
export class SharedSpool {
  readonly #file: number;
  /** Words for errors, such as `writing FILE`. */
  readonly #action: string;
  readonly #free: number[] = [];
  /** The number of slots. */
  #slots = 0;

  private constructor(file: number, action: string) {
    this.#file = file;
    this.#action = action;
  }

  /**
   * Makes an empty spool.
   *
   * @param action words for errors, such as `writing FILE`
   * @throws StreamError
   */
  static create(folder: string, action: string): Promise<SharedSpool> {
    return attempt(action, 0, () =>
      Promise.resolve().then(() => new SharedSpool(openUnnamedIn(folder), action)),
    );
  }

  /** Returns a new queue. */
  queue(): SpoolQueue {
    return new SpoolQueue(this);
  }

  /**
   * Writes up to a slot of bytes. Returns the number of the slot.
   *
   * @throws StreamError
   */
  async write(bytes: Uint8Array): Promise<number> {
    const slot = this.#free.pop() ?? this.#slots++;
    const start = slot * SLOT_LENGTH;
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await attempt(this.#action, start + at, () =>
        writeSome(this.#file, bytes, at, bytes.length - at, start + at),
      );
      at += bytesWritten;
    }
    return slot;
  }

  /**
   * Reads the bytes of a slot, and frees it.
   *
   * @throws StreamError
   */
  async take(slot: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafe(length);
    const start = slot * SLOT_LENGTH;
    for (let at = 0; at < length;) {
      const { bytesRead } = await attempt(this.#action, start + at, () =>
        readSome(this.#file, bytes, at, length - at, start + at),
      );
      if (bytesRead === 0) {
        throw new TypeError("a file without a name has become shorter");
      }
      at += bytesRead;
    }
    this.#free.push(slot);
    return bytes;
  }
}

/** A queue of bytes. Only one call of its methods may be under way at a time. */
export class SpoolQueue {
  readonly #spool: SharedSpool;
  /** The slots with its bytes, the oldest first. All but the last one of a queue that was flushed are full. */
  readonly #slots: { slot: number; length: number }[] = [];
  /** The bytes that are not in the file yet. */
  #memory: Buffer | undefined;
  #filled = 0;

  constructor(spool: SharedSpool) {
    this.#spool = spool;
  }

  /**
   * Adds bytes, which may be overwritten after that.
   *
   * @throws StreamError
   */
  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      this.#memory ??= Buffer.allocUnsafe(SLOT_LENGTH);
      const some = bytes.subarray(at, at + SLOT_LENGTH - this.#filled);
      this.#memory.set(some, this.#filled);
      this.#filled += some.length;
      at += some.length;
      if (this.#filled === SLOT_LENGTH) {
        await this.flush();
      }
    }
  }

  /**
   * Writes all bytes to the file, so that the queue needs next to no memory.
   *
   * @throws StreamError
   */
  async flush(): Promise<void> {
    const [memory, length] = [this.#memory, this.#filled];
    this.#memory = undefined;
    this.#filled = 0;
    if (memory !== undefined && length > 0) {
      const slot = await this.#spool.write(memory.subarray(0, length));
      this.#slots.push({ slot, length });
    }
  }

  /**
   * Returns the oldest bytes, which do not belong to the queue any more. Undefined if it is empty.
   *
   * @throws StreamError
   */
  async shift(): Promise<Uint8Array | undefined> {
    const oldest = this.#slots.shift();
    if (oldest !== undefined) {
      return this.#spool.take(oldest.slot, oldest.length);
    }
    const rest = this.#filled === 0 ? undefined : this.#memory?.subarray(0, this.#filled);
    this.#memory = undefined;
    this.#filled = 0;
    return rest;
  }
}
