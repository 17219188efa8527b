/** How long this process has waited for something, the wait that still goes on included. */
class Waited {
  #sum = 0;
  #waiting = 0;
  #since = 0;

  /** So many milliseconds so far. */
  get milliseconds(): number {
    return this.#sum + (this.#waiting > 0 ? performance.now() - this.#since : 0);
  }

  /** Counts the time that `work` takes. Of what is done at the same time, it counts once. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting === 0) {
      this.#since = performance.now();
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

/** How long this process has waited for its standard input to have more, and for its standard output to take more. */
export const waited: Readonly<{ input: Waited; output: Waited }> = {
  input: new Waited(),
  output: new Waited(),
};
