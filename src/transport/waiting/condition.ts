/** Lets work of this process wait until other work has changed something, as a condition variable does between threads. */
export class Condition {
  #waiting: (() => void)[] = [];

  /** Waits for the next change. It may not be the one that is needed: look again after it. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Wakes all who wait: something has changed. */
  changed(): void {
    for (const resolve of this.#waiting.splice(0)) {
      resolve();
    }
  }
}
