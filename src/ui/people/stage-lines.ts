import { clock } from "../../native/clock.ts";
import { type Progress, silent, type StageEnding } from "../progress.ts";

const GIB = 2 ** 30;

/** A line is printed after this share of the work or this time, whichever comes first. */
const STEP_PERCENT = 5;
const STEP_MILLISECONDS = 60_000;

/** Prints progress as lines of text, in the format of blockcopy 0.0.2, whose GB are GiB. */
export class ProgressLines implements Progress {
  readonly #title: string;
  readonly #print: (line: string) => void;
  readonly #started = clock();
  #total: number | undefined;
  #done = 0;
  #printedAt = this.#started;
  #printedPercent = 0;

  constructor(title: string, print: (line: string) => void) {
    this.#title = title;
    this.#print = print;
  }

  begin(total: number | undefined): void {
    this.#total = total;
  }

  advance(bytes: number): void {
    this.#done += bytes;
    const now = clock();
    const percent = this.#total === undefined ? 0 : (100 * this.#done) / this.#total;
    if (
      percent - this.#printedPercent < STEP_PERCENT &&
      now - this.#printedAt < STEP_MILLISECONDS
    ) {
      return;
    }
    this.#printedAt = now;
    this.#printedPercent = percent;
    const done = (this.#done / GIB).toFixed(2).padStart(7);
    const of = this.#total === undefined ? "" : ` / ${(this.#total / GIB).toFixed(2)} GB`;
    const share = this.#total === undefined ? "" : ` (${percent.toFixed(2).padStart(5)}%)`;
    this.#print(`${this.#title} progress: ${done} GB${of}${share}`);
  }

  count(): void {
    // These lines do not show the counters.
  }

  mapped(): void {
    // Only `sync` shows a change map.
  }

  differed(): void {
    // Only `compare` shows it.
  }

  proved(): void {
    // The outcome says it in words.
  }

  aside(): Progress {
    return silent;
  }

  finish({ succeeded, outcome }: StageEnding): void {
    if (succeeded) {
      const seconds = (clock() - this.#started) / 1000;
      const what = outcome === undefined ? "" : `: ${outcome}`;
      this.#print(`${this.#title} done in ${seconds.toFixed(3)} seconds${what}`);
    }
  }
}
