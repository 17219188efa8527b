import { writeSync } from "node:fs";
import { isatty } from "node:tty";

import type { JsonLine } from "./json-line.ts";
import { printable } from "../errors/printable.ts";

const STDOUT = 1;
const STDERR = 2;
const RETRY_MILLISECONDS = 5;

/** True while another program may be asking a person on the terminal. */
let isAsking = (): boolean => false;

/** Leaves the question of another program on the terminal as it is, whenever `asking` says that there may be one. */
export function keepQuestions(asking: () => boolean): void {
  isAsking = asking;
}

/** Whether a person looks at standard error. */
export function stderrIsTerminal(): boolean {
  return isatty(STDERR);
}

/** The width of a terminal there; without one, or where it does not know, a log is as wide as its lines. */
export function stderrColumns(): number {
  return (stderrIsTerminal() && process.stderr.columns) || Infinity;
}

/** Whether a line can change in place there. */
export function stderrCanDraw(): boolean {
  return stderrIsTerminal() && process.env["TERM"] !== "dumb";
}

/**
 * Prints a line on standard error, at once. On a terminal, what another stage is drawing there is wiped
 * first, but for a question: see {@link keepQuestions}. Whatever the text has, it stays one line, and does nothing to a terminal: see {@link printable}.
 */
export function printLine(line: string | JsonLine): void {
  const text = typeof line === "string" ? printable(line) : line.text;
  // When nobody listens any more, there is nobody to tell.
  write(STDERR, stderrIsTerminal() && !isAsking() ? `\r\x1b[K${text}\n` : `${text}\n`);
}

/**
 * Prints an event on standard output, at once.
 *
 * @returns the name of the system's error where that takes nothing any more, as `EPIPE`; undefined when it has been printed
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
      // A non-blocking descriptor that is full is tried again.
      if (code !== "EAGAIN") {
        return code;
      }
      pause(RETRY_MILLISECONDS);
    }
  }
  return undefined;
}

/** Waits without the event loop: what is printed may be the last thing that the process does. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
