import { formatBriefly } from "./format.ts";
import type { ChangeMap } from "./change-map.ts";
import type { Proof, Range } from "./programs/event-values.ts";
import type { Counted, Progress, StageEnding, StreamShare } from "./progress.ts";

/** Progress, in bytes. */
interface Work {
  what: string;
  total: number | undefined;
  done: number;
}

/** Passes on the progress of a stage, and can describe it at any time, for SIGUSR1. */
export class Tally implements Progress {
  readonly #verb: string;
  #shown: Progress;
  #own: Work | undefined;
  #aside: Work | undefined;

  /** @param verb the work of the stage, such as `read` */
  constructor(verb: string, shown: Progress) {
    this.#verb = verb;
    this.#shown = shown;
  }

  /** The progress in words. */
  get text(): string {
    const work = this.#aside ?? this.#own;
    if (work === undefined) {
      return "nothing has begun yet";
    }
    const { what, total, done } = work;
    const of = total === undefined ? "" : ` of ${formatBriefly(total)}`;
    const percent = total === undefined || total === 0 ? "" : ` (${percentOf(done, total)} %)`;
    return `${formatBriefly(done)}${of} ${what}${percent}`;
  }

  /** Passes the progress on to another one from now on. */
  show(shown: Progress): void {
    this.#shown = shown;
  }

  begin(total: number | undefined, instance?: string | null, share?: StreamShare): void {
    this.#own = { what: this.#verb, total, done: 0 };
    this.#shown.begin(total, instance, share);
  }

  advance(bytes: number): void {
    if (this.#own !== undefined) {
      this.#own.done += bytes;
    }
    this.#shown.advance(bytes);
  }

  count(what: Counted, number: number): void {
    this.#shown.count(what, number);
  }

  mapped(map: ChangeMap): void {
    this.#shown.mapped(map);
  }

  differed(ranges: readonly Range[]): void {
    this.#shown.differed(ranges);
  }

  proved(proof: Proof): void {
    this.#shown.proved(proof);
  }

  aside(what: string, total: number): Progress {
    const work: Work = { what: `(${what})`, total, done: 0 };
    this.#aside = work;
    const shown = this.#shown.aside(what, total);
    return {
      ...shown,
      advance: (bytes) => {
        work.done += bytes;
        shown.advance(bytes);
      },
      finish: (ending) => {
        this.#aside = undefined;
        shown.finish(ending);
      },
    };
  }

  finish(ending: StageEnding): void {
    this.#shown.finish(ending);
  }
}

function percentOf(done: number, total: number): number {
  return Math.min(100, Math.floor((100 * done) / total));
}
