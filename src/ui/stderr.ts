import { writeSync } from "node:fs";

import { isTerminal } from "./is-terminal.ts";
import type { JsonLine } from "./json-line.ts";
import { printable } from "../errors/printable.ts";
import { pause } from "../native/pause.ts";

const STDOUT = 1;
const STDERR = 2;
const RETRY_MILLISECONDS = 5;

let isAsking = (): boolean => false;

let clearBlock = (): void => undefined;

/** Keeps the question of another program on the terminal, such as a password prompt, while `asking` returns true. */
export function keepQuestions(asking: () => boolean): void {
  isAsking = asking;
}

/** Has several lines that are redrawn wiped before a line is printed; one of them is wiped in any case. */
export function clearBeforeLines(clear: () => void): void {
  clearBlock = clear;
}

/** True if standard error is a terminal. */
export function stderrIsTerminal(): boolean {
  return isTerminal(STDERR);
}

/** Returns the width of the terminal; Infinity without one, or if it is unknown. */
export function stderrColumns(): number {
  return (stderrIsTerminal() && process.stderr.columns) || Infinity;
}

/** True if a line can be redrawn on standard error. */
export function stderrCanDraw(): boolean {
  return stderrIsTerminal() && process.env["TERM"] !== "dumb";
}

/**
 * Prints a line on standard error, synchronously. On a terminal it first wipes the line that another stage is drawing, unless that is a
 * question, see {@link keepQuestions}. The text is made {@link printable}: it stays one line and cannot control the terminal.
 */
export function printLine(line: string | JsonLine): void {
  const text = typeof line === "string" ? printable(line) : line.text;
  clearBlock();
  // A failure is ignored: standard error is the last place to report it.
  write(STDERR, stderrIsTerminal() && !isAsking() ? `\r\x1b[K${text}\n` : `${text}\n`);
}

/**
 * Prints an event on standard output, synchronously.
 *
 * @returns the name of the system's error, such as `EPIPE`; undefined if it was printed
 */
export function printOut({ text }: JsonLine): string | undefined {
  return write(STDOUT, `${text}\n`);
}

function write(fd: number, text: string): string | undefined {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
      // A non-blocking descriptor is full.
      if (code !== "EAGAIN") {
        return code;
      }
      pause(RETRY_MILLISECONDS);
    }
  }
  return undefined;
}
