/**
 * Runs the second halves of operations one after another, in the order in which they were added, while their first halves
 * overlap. The first failure, in that order, ends the sequence.
 */
export class Sequence {
  /** Settles when all operations are done and `end` has been called; rejects with the first failure. */
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

  /** Adds an operation: the promise of its first half, and its second half. */
  add<T>(started: Promise<T>, finish: (result: T) => Promise<void> | void): void {
    // A failure counts only when it is its turn.
    const outcome = started.then(
      (result) => () => finish(result),
      (error: unknown) => () => Promise.reject(error),
    );
    this.#tail = this.#tail.then(async () => (await outcome)());
    // A failed step makes every later one fail with the same error.
    this.#tail.catch(this.#reject);
  }

  /** Marks the end of the operations. */
  end(): void {
    this.#tail.then(this.#resolve, this.#reject);
  }

  /** Settles when all operations so far are done. */
  async drained(): Promise<void> {
    await this.#tail;
  }
}
