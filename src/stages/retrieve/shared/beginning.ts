/**
 * Milliseconds that the readers that have come wait for the next one: ssh and Node take one or two seconds to start, and only some log in to
 * the same host at a time.
 */
const PATIENCE = 5000;

/**
 * The common beginning of all readers of a source. Without it, the first one would have read more than the window holds by the time that
 * the next one has connected, which would have to read all of the source once more.
 */
export class Beginning {
  readonly #missing = new Set<object>();
  readonly #all: Promise<void>;
  #begin!: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    this.#all = new Promise((resolve) => (this.#begin = resolve));
  }

  /** Expects a reader. Call it for all of them first. */
  expect(reader: object): void {
    this.#missing.add(reader);
  }

  /** A reader will not come, or does not wait. */
  release(reader: object): void {
    this.#missing.delete(reader);
    if (this.#missing.size === 0) {
      clearTimeout(this.#timer);
      this.#begin();
    }
  }

  /** Waits until all readers have come that are expected, but not for ever. */
  arrive(reader: object): Promise<void> {
    if (this.#missing.has(reader)) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#begin(), PATIENCE);
    }
    this.release(reader);
    return this.#all;
  }
}
