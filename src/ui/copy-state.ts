import type { Bottleneck } from "./bottleneck.ts";
import { type Counted, type Counts, NO_COUNTS, type Progress, silent } from "./progress.ts";
import { Rate } from "./rate.ts";

/** Bytes that are worked on. */
export class Work {
  /** What is done to them, where that is something else than what it is all about. */
  readonly what: string | undefined;
  total: number | undefined;
  done = 0;
  readonly #rate = new Rate(performance.now());

  constructor(what: string | undefined, total: number | undefined) {
    this.what = what;
    this.total = total;
  }

  /** So many more bytes are done. */
  advance(bytes: number): void {
    this.done += bytes;
    this.#rate.add(performance.now(), this.done);
  }

  /** Bytes a second over the last seconds. */
  get rate(): number {
    return this.#rate.at(performance.now(), this.done);
  }
}

/** How far a copy is: what is told to whoever looks at it. */
export class CopyState implements Progress {
  begun = false;
  /** True while a connection is made, and may ask a person for a password on the terminal: nothing may be drawn over that. */
  connecting = false;
  /** The host that has not opened its file yet. */
  awaited: string | undefined;
  counts: Counts = NO_COUNTS;
  /** What it waits for, where that is clear. */
  bottleneck: Bottleneck | undefined;
  /** The copy itself. */
  work = new Work(undefined, undefined);
  /** What is done meanwhile. */
  besides: Work | undefined;

  begin(total: number | undefined): void {
    if (!this.begun) {
      // What lies before it is the time of logging in.
      this.work = new Work(undefined, total);
      this.begun = true;
    }
    this.work.total = total;
  }

  advance(bytes: number): void {
    this.work.advance(bytes);
  }

  count(what: Counted, number: number): void {
    this.counts = { ...this.counts, [what]: this.counts[what] + number };
  }

  mapped(): void {
    // It comes with the outcome.
  }

  proved(): void {
    // Whoever has started the stages looks at it.
  }

  aside(what: string, total: number): Progress {
    const work = new Work(what, total);
    this.besides = work;
    return {
      ...silent,
      advance: (bytes) => work.advance(bytes),
      finish: () => (this.besides = undefined),
    };
  }

  finish(): void {
    this.besides = undefined;
  }
}
