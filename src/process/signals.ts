import { constants } from "node:os";

import { ignoredSignals } from "../transport/processes/ignored-signals.ts";
import { flushLines, hurryLines, printLine } from "../ui/stderr.ts";

const ENDING = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

export type Signal = (typeof ENDING)[number];

let handle: (signal: Signal, code: number) => void;
let tell: () => void;

/**
 * Installs the signal handlers: signals that end the process print a message first, SIGUSR1 prints progress as in dd(1), and signals that
 * were ignored at the start stay ignored.
 *
 * @param stage the command that is about to begin
 */
export function catchSignals(stage: string): void {
  tell = () => printLine(`blockcopy ${stage}: nothing has begun yet`);
  // First of all: without a handler, SIGUSR1 opens Node's debugger.
  process.on("SIGUSR1", () => {
    if (!ignoredSignals.includes("SIGUSR1")) {
      tell();
    }
  });
  handle = (signal, code) => {
    printLine(`ERROR (${stage}): ended by ${signal} before it had begun; run it again`);
    process.exit(code);
  };
  for (const signal of ENDING) {
    if (!ignoredSignals.includes(signal)) {
      process.on(signal, () => {
        hurryLines();
        handle(signal, 128 + constants.signals[signal]);
      });
    }
  }
  for (const signal of ignoredSignals) {
    process.on(signal, () => undefined);
  }
  process.on("exit", flushLines);
}

/** Sets the function that a signal calls from now on. `code` is the exit code that a shell would report. */
export function onSignal(handler: (signal: Signal, code: number) => void): void {
  handle = handler;
}

/** Sets the function that SIGUSR1 calls from now on. */
export function onProgressAsked(handler: () => void): void {
  tell = handler;
}
