import ora, { type Ora } from "ora";

import { isAsciiOnly } from "../../errors/charset.ts";
import { wrapped } from "./columns.ts";
import { printable } from "../../errors/printable.ts";

/** Of several stages on one terminal, the one that may draw. */
export interface TerminalRight {
  readonly held: boolean;
  release(): void;
}

const REFRESH_MILLISECONDS = 250;
const USUAL_COLUMNS = 80;

/** What the spinner takes, and a column that stays free: in the last one, some terminals begin a new line. */
const MARGIN = 3;

/** What a line on a terminal is made of. */
export interface LineOptions {
  /** Its text, in at most so many columns; undefined as long as there is nothing to draw, and somebody else may be asking for a password. */
  text: (columns: number) => string | undefined;
  acquire: () => TerminalRight;
  /** How long, in milliseconds, the terminal is left to others at first. */
  patience: number;
}

/**
 * One line of a terminal that changes in place.
 *
 * The stages of a pipe share one terminal. Only the one that has the right to draw does so; when it ends, the
 * next one takes over.
 */
export class TerminalLine {
  readonly #options: LineOptions;
  readonly #spinner: Ora;
  readonly #timer: NodeJS.Timeout;
  readonly #quietUntil: number;
  #right: TerminalRight | undefined;
  #finished = false;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#quietUntil = performance.now() + options.patience;
    assumeWidth(process.stderr);
    process.stderr.on("resize", () => {
      assumeWidth(process.stderr);
      this.#refresh();
    });
    this.#spinner = ora({
      stream: process.stderr,
      // Standard input carries data: it is not a keyboard whose keys are to be swallowed.
      discardStdin: false,
      isEnabled: true,
      spinner: isAsciiOnly() ? "line" : "dots",
      ...((process.env["NO_COLOR"] ?? "") !== "" && { color: false }),
    });
    this.#timer = setInterval(() => this.#refresh(), REFRESH_MILLISECONDS);
  }

  /** Takes the line away, and leaves others in its place, if there are any: {@link wrapped} where they are too long. */
  finish(last: readonly string[] = []): void {
    if (this.#finished) {
      return;
    }
    this.#finished = true;
    clearInterval(this.#timer);
    this.#wipe();
    // Also without the right to draw, since these are whole lines: whoever draws does so again below them.
    for (const line of last.flatMap((text) => wrapped(printable(text), terminalColumns()))) {
      process.stderr.write(`\r\x1b[K${line}\n`);
    }
    this.#right?.release();
  }

  #refresh(): void {
    if (this.#finished || performance.now() < this.#quietUntil) {
      return;
    }
    const text = this.#options.text(terminalColumns() - MARGIN);
    if (text === undefined) {
      this.#wipe();
      return;
    }
    if (!this.#right?.held) {
      this.#right = this.#options.acquire();
      if (!this.#right.held) {
        return;
      }
    }
    this.#spinner.text = printable(text);
    this.#spinner.start();
  }

  /** Takes away what is drawn. Where nothing is, the cursor must not move either: it may be after a question of ssh. */
  #wipe(): void {
    if (this.#spinner.isSpinning) {
      this.#spinner.stop();
    }
  }
}

function terminalColumns(): number {
  return process.stderr.columns ?? USUAL_COLUMNS;
}

/** A serial console does not know how wide it is, and ora would wrap a line into infinitely many. */
function assumeWidth(terminal: NodeJS.WriteStream): void {
  if (terminal.columns === 0) {
    terminal.columns = USUAL_COLUMNS;
  }
}
