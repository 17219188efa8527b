import { clock } from "../../native/clock.ts";

/** Sums up the time that this process has waited, including a wait that is still going on. */
class WaitTimer {
  #sum = 0;
  #waiting = 0;
  #since = 0;

  /** Milliseconds waited so far. */
  get milliseconds(): number {
    return this.#sum + (this.#waiting > 0 ? clock() - this.#since : 0);
  }

  /** Counts the time that `work` takes. Overlapping waits count once. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting === 0) {
      this.#since = clock();
    }
    this.#waiting += 1;
    try {
      return await work();
    } finally {
      if (this.#waiting === 1) {
        this.#sum = this.milliseconds;
      }
      this.#waiting -= 1;
    }
  }
}

/** Time that this process has waited for data on its standard input, and for room on its standard output. */
export const waited: Readonly<{ input: WaitTimer; output: WaitTimer }> = {
  input: new WaitTimer(),
  output: new WaitTimer(),
};
