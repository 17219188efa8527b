import ora, { type Ora } from "ora";

import { formatBytes, formatDuration } from "./format.ts";
import { type Progress, silent } from "./progress.ts";

/** Of several stages on one terminal, the one that may draw. */
export interface TerminalRight {
  readonly held: boolean;
  release(): void;
}

const REFRESH_MILLISECONDS = 250;
const USUAL_COLUMNS = 80;

/**
 * Progress as one line that changes in place.
 *
 * The stages of a pipe share one terminal. Only the one that has the right to draw does so; when it ends, the
 * next one takes over.
 */
export class LiveLine implements Progress {
  readonly #title: string;
  readonly #verb: string;
  readonly #acquire: () => TerminalRight;
  readonly #spinner: Ora;
  readonly #timer: NodeJS.Timeout;
  readonly #started = performance.now();
  readonly #quietUntil: number;
  #right: TerminalRight | undefined;
  #begun = false;
  readonly #own: Work;
  /** What the line is about: the work of the stage, or something that it does aside. */
  #shown: Work;
  #finished = false;

  /**
   * `verb` says what is done with the bytes, as `read`; `patience` is how long, in milliseconds, the stage leaves the
   * terminal to the others at first.
   */
  constructor(title: string, verb: string, acquire: () => TerminalRight, patience: number) {
    this.#title = title;
    this.#verb = verb;
    this.#acquire = acquire;
    this.#quietUntil = this.#started + patience;
    this.#own = new Work(title);
    this.#shown = this.#own;
    assumeWidth(process.stderr);
    process.stderr.on("resize", () => assumeWidth(process.stderr));
    // Standard input carries data: it is not a keyboard whose keys are to be swallowed.
    this.#spinner = ora({ stream: process.stderr, discardStdin: false, isEnabled: true });
    this.#timer = setInterval(() => this.#refresh(), REFRESH_MILLISECONDS);
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

  finish(succeeded: boolean, outcome?: string): void {
    if (this.#finished) {
      return;
    }
    this.#finished = true;
    clearInterval(this.#timer);
    this.#spinner.stop();
    if (succeeded) {
      // Also without the right to draw, since it is a whole line: whoever draws does so again below it.
      process.stderr.write(
        `\r\x1b[K${this.#summary()}${outcome === undefined ? "" : `: ${outcome}`}\n`,
      );
    }
    this.#right?.release();
  }

  #refresh(): void {
    // Before it has begun, somebody else may be asking for a password here.
    if (!this.#begun || performance.now() < this.#quietUntil) {
      return;
    }
    if (!this.#right?.held) {
      this.#right = this.#acquire();
      if (!this.#right.held) {
        return;
      }
      this.#spinner.start();
    }
    this.#spinner.text = this.#shown.status();
  }

  #summary(): string {
    const seconds = (performance.now() - this.#started) / 1000;
    return `✔ ${this.#title}  ${formatBytes(this.#own.done)} ${this.#verb} in ${seconds.toFixed(1)} s`;
  }
}

/** Bytes that are worked on. */
class Work {
  total: number | undefined;
  done = 0;
  readonly #title: string;
  readonly #started = performance.now();

  constructor(title: string) {
    this.#title = title;
  }

  /** How far it is, at what rate, and how long the rest takes. */
  status(): string {
    const seconds = (performance.now() - this.#started) / 1000;
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

/** A serial console does not know how wide it is, and ora would wrap a line into infinitely many. */
function assumeWidth(terminal: NodeJS.WriteStream): void {
  if (terminal.columns === 0) {
    terminal.columns = USUAL_COLUMNS;
  }
}
