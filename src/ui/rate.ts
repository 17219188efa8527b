/** Length of the time that a rate is taken over, and of the steps in it, in milliseconds. */
const WINDOW = 10_000;
const STEP = 500;

/** Measures a rate over the last seconds. */
export class Rate {
  readonly #samples: { at: number; done: number }[];

  /** @param now time of the start, in milliseconds */
  constructor(now: number) {
    this.#samples = [{ at: now, done: 0 }];
  }

  /** Adds a sample: the amount that is done in all. */
  add(now: number, done: number): void {
    const last = this.#samples.at(-1);
    if (last === undefined || now - last.at >= STEP) {
      this.#samples.push({ at: now, done });
      // Keeps one sample from before the window, to subtract from the last one.
      while ((this.#samples[1]?.at ?? Infinity) <= now - WINDOW) {
        this.#samples.shift();
      }
    }
  }

  /** Returns the rate per second, if `done` is done by now. */
  at(now: number, done: number): number {
    const [first = { at: now, done }] = this.#samples;
    const seconds = (now - first.at) / 1000;
    return seconds > 0 ? (done - first.done) / seconds : 0;
  }
}
