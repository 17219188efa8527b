import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

import { waited } from "../transport/streams/time-waited.ts";
import type { TimeSpent } from "../ui/event-lines.ts";

/** What tells how this process has spent its time since this call; `threads` is how many it was told to use. */
export function trackTimeSpent(threads: number | undefined): () => TimeSpent {
  const [began, used] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(used);
    return {
      elapsed: Math.round(performance.now() - began),
      cpu: Math.round((user + system) / 1000 + queued()),
      threads: Math.min(threads ?? Infinity, availableParallelism()),
      input: Math.round(waited.input.milliseconds),
      output: Math.round(waited.output.milliseconds),
    };
  };
}

const TASKS = "/proc/self/task";

/**
 * For how many milliseconds the threads of this process were ready to run and had no CPU, because others had it: proc_pid_schedstat(5).
 * 0 where the kernel does not tell.
 */
function queued(): number {
  try {
    const waits = readdirSync(TASKS).map((task) => {
      const [, nanoseconds] = readFileSync(`${TASKS}/${task}/schedstat`, "utf8").split(" ");
      return Number(nanoseconds);
    });
    return waits.reduce((sum, wait) => sum + wait, 0) / 1e6;
  } catch {
    // A thread may end meanwhile: the next look has the others again.
    return 0;
  }
}
