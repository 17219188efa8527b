import { constants } from "node:os";

import { printLine } from "../ui/stderr.ts";

const SIGNALS = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

type Signal = (typeof SIGNALS)[number];

let handle: (signal: Signal, code: number) => void;

/** From now on, signals that end a process do so with a message; `stage` is what is about to begin. */
export function catchSignals(stage: string): void {
  handle = (signal, code) => {
    printLine(`ERROR (${stage}): ended by ${signal} before it had begun; run it again`);
    process.exit(code);
  };
  for (const signal of SIGNALS) {
    process.on(signal, () => handle(signal, 128 + constants.signals[signal]));
  }
}

/** What a signal does from now on; it is given the exit code that a shell would report. */
export function onSignal(handler: (signal: Signal, code: number) => void): void {
  handle = handler;
}
