import { tick } from "../../errors/charset.ts";
import { clock } from "../../native/clock.ts";
import { formatBytes, formatDuration } from "../format.ts";
import { type Progress, silent, type StageEnding } from "../progress.ts";
import { TerminalLine, type TerminalRight } from "./terminal-line.ts";

/** Shows the progress of a stage as one line that changes in place. */
export class LiveLine implements Progress {
  readonly #title: string;
  readonly #verb: string;
  readonly #line: TerminalLine;
  readonly #started = clock();
  #begun = false;
  readonly #own: Work;
  /** The work that the line shows: `#own`, or other work that is going on. */
  #shown: Work;

  /**
   * @param verb the work of the stage, such as `read`
   * @param patience milliseconds for which the stage leaves the terminal to others at first
   */
  constructor(title: string, verb: string, acquire: () => TerminalRight, patience: number) {
    this.#title = title;
    this.#verb = verb;
    this.#own = new Work(title);
    this.#shown = this.#own;
    const text = (): string | undefined => (this.#begun ? this.#shown.status() : undefined);
    this.#line = new TerminalLine({ text, acquire, patience });
  }

  begin(total: number | undefined): void {
    this.#begun = true;
    this.#own.total = total;
  }

  advance(bytes: number): void {
    this.#own.done += bytes;
  }

  aside(what: string, total: number): Progress {
    const work = new Work(`${this.#title}, ${what}`);
    work.total = total;
    this.#shown = work;
    return {
      ...silent,
      advance: (bytes) => (work.done += bytes),
      finish: () => (this.#shown = this.#own),
    };
  }

  count(): void {
    // Only the bytes that are done are shown.
  }

  mapped(): void {
    // Only `sync` shows it.
  }

  differed(): void {
    // Only `compare` shows it.
  }

  proved(): void {
    // The outcome says it in words.
  }

  finish({ succeeded, outcome }: StageEnding): void {
    const came = outcome === undefined ? "" : `: ${outcome}`;
    this.#line.finish(succeeded ? [`${this.#summary()}${came}`] : []);
  }

  #summary(): string {
    const seconds = (clock() - this.#started) / 1000;
    return `${tick()}${this.#title}  ${formatBytes(this.#own.done)} ${this.#verb} in ${seconds.toFixed(1)} s`;
  }
}

/** The progress of some work, in bytes. */
class Work {
  total: number | undefined;
  done = 0;
  readonly #title: string;
  readonly #started = clock();

  constructor(title: string) {
    this.#title = title;
  }

  /** Returns the progress, the rate and the time that is left. */
  status(): string {
    const seconds = (clock() - this.#started) / 1000;
    const rate = this.done / seconds;
    const parts = [`${this.#title}  ${formatBytes(this.done)}`];
    if (this.total !== undefined) {
      const percent = this.total === 0 ? 100 : Math.floor((100 * this.done) / this.total);
      parts[0] += ` of ${formatBytes(this.total)}`;
      parts.push(`${percent} %`);
    }
    parts.push(`${formatBytes(Math.round(rate))}/s`);
    if (this.total !== undefined && rate > 0) {
      parts.push(`${formatDuration((this.total - this.done) / rate)} left`);
    }
    return parts.join("  ");
  }
}
