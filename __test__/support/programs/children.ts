// Processes that a test starts itself, and that must not outlive it.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { type Cleaning, defer } from "../cleanup.ts";
import { killGroup } from "./cli.ts";

/**
 * Kills a process, and the group that it leads, when the test ends, and waits until it has ended: only then has it let go of its files,
 * and their filesystem can be unmounted.
 */
export function killAtEnd(t: Cleaning, child: ChildProcess): void {
  defer(t, () => kill(child));
}

/** Kills a process, and the group that it leads, and waits until it has ended. */
export async function kill(child: ChildProcess): Promise<void> {
  const isRunning = child.exitCode === null && child.signalCode === null;
  const ended = isRunning && child.pid !== undefined ? once(child, "exit") : undefined;
  child.kill("SIGKILL");
  killGroup(child.pid);
  await ended;
}
