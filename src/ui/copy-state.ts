import { clock } from "../native/clock.ts";
import type { Bottleneck } from "./bottleneck.ts";
import { Differences } from "./differences.ts";
import { type Counted, type Counts, NO_COUNTS, type Progress, silent } from "./progress.ts";
import { Rate } from "./rate.ts";

/** The progress of some work, in bytes. */
export class Work {
  /** The work in words; undefined for the copy itself. */
  readonly what: string | undefined;
  total: number | undefined;
  done = 0;
  readonly #rate = new Rate(clock());

  constructor(what: string | undefined, total: number | undefined) {
    this.what = what;
    this.total = total;
  }

  /** Adds bytes that are done. */
  advance(bytes: number): void {
    this.done += bytes;
    this.#rate.add(clock(), this.done);
  }

  /** Bytes per second over the last seconds. */
  get rate(): number {
    return this.#rate.at(clock(), this.done);
  }
}

/** The state of a copy, which all displays show. */
export class CopyState implements Progress {
  /** The first word of its lines. */
  readonly title: string;
  begun = false;
  /** True once the copy has ended, well or not. */
  hasEnded = false;
  /** True while a login may be asking for a password on the terminal: nothing may be drawn over the question. */
  connecting = false;
  /** The host that has not opened its file yet. */
  awaited: string | undefined;
  counts: Counts = NO_COUNTS;
  /** The first offset at which an audit has found a difference; undefined if it has found none yet. */
  audited: number | undefined;
  /** Undefined if it is unclear. */
  bottleneck: Bottleneck | undefined;
  /** The copy itself. */
  work = new Work(undefined, undefined);
  /** Other work that is going on, such as reading back. */
  asideWork: Work | undefined;
  /** The ranges that differ. A comparison replaces it before it starts. */
  differences = new Differences(0);

  constructor(title = "Sync") {
    this.title = title;
  }

  begin(total: number | undefined): void {
    if (!this.begun) {
      // Restarts the rate: the time of the login does not count.
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
    // The result of the copy has the change map.
  }

  differed(): void {
    // `sync` adds them to the differences itself: it has to refuse some.
  }

  proved(): void {
    // `sync` checks the proof of its stages itself.
  }

  aside(what: string, total: number): Progress {
    const work = new Work(what, total);
    this.asideWork = work;
    return {
      ...silent,
      advance: (bytes) => work.advance(bytes),
      finish: () => (this.asideWork = undefined),
    };
  }

  finish(): void {
    this.hasEnded = true;
    this.connecting = false;
    this.asideWork = undefined;
  }
}
