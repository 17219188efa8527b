import { CopyError } from "../errors/copy-error.ts";

/** Advice for a cancelled copy. */
const CONTINUE = "run the same command again: it continues";

/** A signal has cancelled the command, and it has ended in good order. */
export class CancelledError extends CopyError {
  override readonly name = "CancelledError";

  /** @param exitCode 128 + the number of the signal, as a shell reports it */
  constructor(message: string, exitCode: number) {
    super(message, CONTINUE, exitCode);
  }
}

/** The request, made by the first signal, that a command ends early with everything it has written on the disk. */
export class Cancellation {
  #canEnd = false;
  /** True once work that can end early has begun. */
  #hasBegun = false;
  #by: { signal: string; code: number } | undefined;
  #wake: () => void = () => undefined;
  readonly #controller = new AbortController();
  readonly #parts: Cancellation[] = [];
  /** Bytes that had been written and synced when the command ended early; undefined if it has not, or the number is unknown. */
  synced: number | undefined;

  /** True once a signal has arrived. */
  get requested(): boolean {
    return this.#by !== undefined;
  }

  /** Aborted once a signal has arrived. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Requests the end. Returns false if nothing runs that can end early, or if it is the second request. */
  request(signal: string, code: number): boolean {
    if (!this.#hasBegun) {
      this.synced = 0;
    }
    if (!this.#canEnd || this.requested) {
      return false;
    }
    this.#begin({ signal, code });
    return true;
  }

  /** Returns a cancellation for one of several pieces of work. It is requested together with this one. */
  part(): Cancellation {
    const part = new Cancellation();
    this.#parts.push(part);
    if (this.#by !== undefined) {
      part.#begin(this.#by);
    }
    return part;
  }

  #begin(by: { signal: string; code: number }): void {
    this.#by = by;
    this.#controller.abort();
    this.#wake();
    for (const part of this.#parts) {
      part.#begin(by);
    }
  }

  /** Runs work that can end early, and watches for that with `race`, `requested` or `signal`. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#canEnd = true;
    this.#hasBegun = true;
    try {
      return await work();
    } finally {
      this.#canEnd = false;
    }
  }

  /** Waits for `work`, such as a read from a silent pipe. Resolves to `instead` if a signal arrives first. One call at a time. */
  race<T>(work: () => Promise<T>, instead: T): Promise<T> {
    if (this.requested) {
      return Promise.resolve(instead);
    }
    // Not Promise.race: it leaks a callback per call on the promise that lives longer.
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(instead);
      work().then(resolve, reject);
    });
  }

  /** Returns the error for a command that has ended early. */
  error(): CancelledError {
    const { signal = "a signal", code = 1 } = this.#by ?? {};
    return new CancelledError(
      this.synced === undefined
        ? `ended by ${signal} before all was copied`
        : `ended by ${signal} after ${this.synced} bytes were written and synced`,
      code,
    );
  }
}
