/** Over how long a rate is taken, and how often it is looked at, in milliseconds. */
const WINDOW = 10_000;
const STEP = 500;

/** How fast something goes at present. */
export class Rate {
  readonly #samples: { at: number; done: number }[];

  /** `now` is the time in milliseconds, at which nothing is done. */
  constructor(now: number) {
    this.#samples = [{ at: now, done: 0 }];
  }

  /** So many are done in all. */
  add(now: number, done: number): void {
    const last = this.#samples.at(-1);
    if (last === undefined || now - last.at >= STEP) {
      this.#samples.push({ at: now, done });
      // One that is older than the window stays: what comes after it is the whole of the window.
      while ((this.#samples[1]?.at ?? Infinity) <= now - WINDOW) {
        this.#samples.shift();
      }
    }
  }

  /** How many a second over the last seconds, when so many are done in all. */
  at(now: number, done: number): number {
    const [first = { at: now, done }] = this.#samples;
    const seconds = (now - first.at) / 1000;
    return seconds > 0 ? (done - first.done) / seconds : 0;
  }
}
