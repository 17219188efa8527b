/**
 * Runs the second halves of operations one after another, in the order in which they were added, while their
 * first halves overlap. After a failure nothing more is run; of several, the first in order is the one that counts.
 */
export class Sequence {
  /** Settles when the sequence has ended and all of it is done, or fails with the first failure. */
  readonly finished: Promise<void>;
  #tail: Promise<void> = Promise.resolve();
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor() {
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Adds an operation whose first half has been started. */
  add<T>(started: Promise<T>, finish: (result: T) => Promise<void> | void): void {
    // A failure waits until it is its turn to be noticed.
    const outcome = started.then(
      (result) => () => finish(result),
      (error: unknown) => () => Promise.reject(error),
    );
    this.#tail = this.#tail.then(async () => (await outcome)());
    // The failure of a step is the failure of every later one, so each tells the same promise.
    this.#tail.catch(this.#reject);
  }

  /** Nothing more will be added. */
  end(): void {
    this.#tail.then(this.#resolve, this.#reject);
  }

  /** Settles when all that has been added so far is done. */
  async drained(): Promise<void> {
    await this.#tail;
  }
}
