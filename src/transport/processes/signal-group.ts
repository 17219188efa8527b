import type { ChildProcess } from "node:child_process";

/** Sends a signal to all processes of the group of a program, unless that has ended: another group may have its number then. */
export function signalGroup(
  { pid, exitCode, signalCode }: ChildProcess,
  signal: NodeJS.Signals,
): void {
  if (pid !== undefined && exitCode === null && signalCode === null) {
    try {
      process.kill(-pid, signal);
    } catch {
      // It has just ended, or belongs to another user, as a child of sudo does.
    }
  }
}
