import { constants } from "node:os";

import { ignoredSignals } from "../transport/processes/ignored-signals.ts";
import { printLine } from "../ui/stderr.ts";

const ENDING = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

export type Signal = (typeof ENDING)[number];

let handle: (signal: Signal, code: number) => void;
let tell: () => void;

/**
 * From now on, signals that end a process do so with a message, SIGUSR1 asks for progress as it does of dd(1), and what was ignored when the program was
 * started stays ignored. `stage` is what is about to begin.
 */
export function catchSignals(stage: string): void {
  tell = () => printLine(`blockcopy ${stage}: nothing has begun yet`);
  // First of all: until this, SIGUSR1 is Node's.
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
      process.on(signal, () => handle(signal, 128 + constants.signals[signal]));
    }
  }
  for (const signal of ignoredSignals) {
    process.on(signal, () => undefined);
  }
}

/** What a signal does from now on; it is given the exit code that a shell would report. */
export function onSignal(handler: (signal: Signal, code: number) => void): void {
  handle = handler;
}

/** Sets the function that SIGUSR1 calls from now on. */
export function onProgressAsked(handler: () => void): void {
  tell = handler;
}
