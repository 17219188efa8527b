import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

import { clock } from "../native/clock.ts";
import { waited } from "../transport/streams/time-waited.ts";
import type { TimeSpent } from "../ui/programs/event-values.ts";

/**
 * Returns a function that reports how this process has spent its time since this call.
 *
 * @param threads the number of threads it was told to use
 */
export function trackTimeSpent(threads: number | undefined): () => TimeSpent {
  const [began, used] = [clock(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(used);
    return {
      elapsed: Math.round(clock() - began),
      cpu: Math.round((user + system) / 1000 + queuedMilliseconds()),
      threads: Math.min(threads ?? Infinity, availableParallelism()),
      input: Math.round(waited.input.milliseconds),
      output: Math.round(waited.output.milliseconds),
    };
  };
}

const TASKS = "/proc/self/task";

/**
 * Returns the time for which the threads of this process were ready to run but had to wait for a CPU, see proc_pid_schedstat(5); 0 if the
 * kernel does not tell.
 */
function queuedMilliseconds(): number {
  try {
    const waits = readdirSync(TASKS).map((task) => {
      const [, nanoseconds] = readFileSync(`${TASKS}/${task}/schedstat`, "utf8").split(" ");
      return Number(nanoseconds);
    });
    return waits.reduce((sum, wait) => sum + wait, 0) / 1e6;
  } catch {
    // A thread has just ended. The next call reads the others again.
    return 0;
  }
}
