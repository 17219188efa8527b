/** Advice for a copy that was told to stop. */
const CONTINUE = "run the same command again: it continues";

/** A command was told to end by a signal, and has ended in good order. */
export class CancelledError extends CopyError {
  override readonly name = "CancelledError";

  /** `exitCode` is the one that a shell would report. */
  constructor(message: string, exitCode: number) {
    super(message, CONTINUE, exitCode);
  }
}

/** The wish that a command ends early and in good order, with all that it has written on the disk: made by the first signal. */
export class Cancellation {
  #canEnd = false;
  #by: { signal: string; code: number } | undefined;
  #wake: () => void = () => undefined;
  readonly #controller = new AbortController();
  /** Bytes that were written, and are on the disk, when it ended early; undefined when it has not, or nobody knows. */
  synced: number | undefined;

  /** True once it is to end. */
  get requested(): boolean {
    return this.#by !== undefined;
  }

  /** Aborted once it is to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Asks for it. Returns false if nothing is going on that would heed it, or it has been asked for before. */
  request(signal: string, code: number): boolean {
    if (!this.#canEnd || this.requested) {
      return false;
    }
    this.#by = { signal, code };
    this.#controller.abort();
    this.#wake();
    return true;
  }

  /** Does work that looks whether it is to end: with `race`, `requested` or `signal`. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#canEnd = true;
    try {
      return await work();
    } finally {
      this.#canEnd = false;
    }
  }

  /** Waits for one thing, such as a read of a pipe that may stay silent. Resolves to `instead` if it is to end first. One wait at a time. */
  race<T>(work: () => Promise<T>, instead: T): Promise<T> {
    if (this.requested) {
      return Promise.resolve(instead);
    }
    // No Promise.race: each would stay in the memory of the promise that lives longer.
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(instead);
      work().then(resolve, reject);
    });
  }

  /** The failure of what ended early because it was asked to; `synced` is how many bytes are on the disk, where that is known. */
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
import { CopyError } from "../errors/copy-error.ts";
