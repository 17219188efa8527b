import ora, { type Ora } from "ora";

import { isAsciiOnly } from "../../errors/charset.ts";
import { clock } from "../../native/clock.ts";
import { wrapped } from "./columns.ts";
import { printable } from "../../errors/printable.ts";
import { clearBeforeLines } from "../stderr.ts";

/** The right to draw, which one of several stages on a terminal has. */
export interface TerminalRight {
  readonly held: boolean;
  release(): void;
}

const REFRESH_MILLISECONDS = 250;
const USUAL_COLUMNS = 80;

/**
 * Width of the spinner, and two free columns: some terminals wrap the line when the last column is used, and ora takes a line for four columns
 * wider than its text when it counts the rows to erase.
 */
const MARGIN = 4;

/** The contents and timing of a line on a terminal. */
export interface LineOptions {
  /**
   * Returns the text for a width; undefined while nothing must be drawn, because another program may be asking for a password. Several
   * lines must be no more than the terminal has.
   */
  text: (columns: number) => string | readonly string[] | undefined;
  acquire: () => TerminalRight;
  /** Milliseconds for which the terminal is left to others at first. */
  patience: number;
}

/**
 * A line of a terminal that changes in place.
 *
 * The stages of a pipe share one terminal. Only the stage with the right to draw uses it; when it ends, the next one takes over.
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
    this.#quietUntil = clock() + options.patience;
    assumeWidth(process.stderr);
    process.stderr.on("resize", () => {
      assumeWidth(process.stderr);
      this.#refresh();
    });
    this.#spinner = ora({
      stream: process.stderr,
      // ora would read standard input to swallow key presses, but it carries data.
      discardStdin: false,
      isEnabled: true,
      spinner: isAsciiOnly() ? "line" : "dots",
      ...((process.env["NO_COLOR"] ?? "") !== "" && { color: false }),
    });
    this.#timer = setInterval(() => this.#refresh(), REFRESH_MILLISECONDS);
  }

  /** Removes the line and prints other lines in its place, {@link wrapped} if they are too long. */
  finish(last: readonly string[] = []): void {
    if (this.#finished) {
      return;
    }
    this.#finished = true;
    clearInterval(this.#timer);
    this.#wipe();
    // Whole lines may be printed without the right to draw: the stage that has it redraws its line below them.
    for (const line of last.flatMap((text) => wrapped(printable(text), terminalColumns()))) {
      process.stderr.write(`\r\x1b[K${line}\n`);
    }
    this.#right?.release();
  }

  #refresh(): void {
    if (this.#finished || clock() < this.#quietUntil) {
      return;
    }
    const room = terminalColumns() - MARGIN;
    // Not even the spinner fits: ora would erase rows above it.
    const text = room < 0 ? undefined : this.#options.text(room);
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
    const lines = typeof text === "string" ? [text] : text;
    this.#spinner.text = lines.map((line) => printable(line)).join("\n");
    if (lines.length > 1) {
      clearBeforeLines(() => this.#clear());
    }
    this.#spinner.start();
  }

  /** Removes all lines until they are drawn again. */
  #clear(): void {
    if (this.#spinner.isSpinning) {
      this.#spinner.clear();
    }
  }

  /** Wipes the line. If nothing is drawn, the cursor must not move: it may be after a question of ssh. */
  #wipe(): void {
    if (this.#spinner.isSpinning) {
      this.#spinner.stop();
    }
  }
}

function terminalColumns(): number {
  return process.stderr.columns ?? USUAL_COLUMNS;
}

/** Assumes a width on a serial console, which reports 0: ora would wrap a line endlessly. */
function assumeWidth(terminal: NodeJS.WriteStream): void {
  if (terminal.columns === 0) {
    terminal.columns = USUAL_COLUMNS;
  }
}
