import { setTimeout as sleep } from "node:timers/promises";

import { clock } from "../native/clock.ts";
import { isTerminal } from "./is-terminal.ts";
import type { JsonLine } from "./json-line.ts";
import { printable } from "../errors/printable.ts";
import { LineSink } from "./line-sink.ts";

const STDERR = 2;

/** Milliseconds to wait for the readers of the last lines after a signal. */
const HURRY_MILLISECONDS = 1000;

/** Milliseconds between two checks whether all lines have been read. */
const LOOK_MILLISECONDS = 5;

const sinks = { stdout: new LineSink(1), stderr: new LineSink(STDERR) };

/** Milliseconds to wait for the readers of the last lines. */
let patience = Infinity;

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
 * Prints a line on standard error, now, or as soon as the reader takes it. On a terminal it first wipes the line that another stage is
 * drawing, unless that is a question, see {@link keepQuestions}. The text is made {@link printable}: it stays one line and cannot control the
 * terminal.
 */
export function printLine(line: string | JsonLine): void {
  const text = typeof line === "string" ? printable(line) : line.text;
  clearBlock();
  // A failure is ignored: standard error is the last place to report it.
  sinks.stderr.write(stderrIsTerminal() && !isAsking() ? `\r\x1b[K${text}\n` : `${text}\n`);
}

/**
 * Prints an event on standard output, now, or as soon as the reader takes it.
 *
 * @returns the error code, such as `EPIPE`; undefined if no write has failed
 */
export function printOut({ text }: JsonLine): string | undefined {
  return printText(`${text}\n`);
}

/** Prints text on standard output as {@link printOut} does. */
export function printText(text: string): string | undefined {
  return sinks.stdout.write(text);
}

/** Limits the time for which the reader of the last lines is waited for: the process is to end. */
export function hurryLines(): void {
  patience = HURRY_MILLISECONDS;
}

/** Waits until all lines have been read, or until the time of {@link hurryLines} is over. */
export async function linesRead(): Promise<void> {
  const begun = clock();
  while (!(sinks.stdout.isEmpty && sinks.stderr.isEmpty) && clock() - begun < patience) {
    await sleep(LOOK_MILLISECONDS);
  }
}

/** Does the same without the event loop. */
export function flushLines(): void {
  sinks.stdout.flush(patience);
  sinks.stderr.flush(patience);
}
