import { constants } from "node:os";
import { setImmediate } from "node:timers/promises";

/** A signal that asked for the end. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** 128 and the number of the signal, as a shell has it. */
  readonly exitCode: number;

  constructor(signal: "SIGHUP" | "SIGINT" | "SIGTERM") {
    super(`interrupted by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

let interrupted: Interrupted | undefined;

/** From now on a first signal no longer ends the program, but makes {@link stopIfInterrupted} throw. */
export function catchSignals(): void {
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      interrupted = new Interrupted(signal);
    });
}

/** Throws {@link Interrupted} when a signal has come. Node hears of signals only between the commands that it waits for. */
export async function stopIfInterrupted(): Promise<void> {
  // The second time is after the event loop has been all the way round, and so has looked for signals.
  await setImmediate();
  await setImmediate();
  if (interrupted !== undefined) throw interrupted;
}
