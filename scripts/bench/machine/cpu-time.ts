import { readFileSync } from "node:fs";

/** The length of a tick in /proc/PID/stat: USER_HZ is 100 on every architecture that the program runs on. */
const TICKS_PER_SECOND = 100;

/** Places of the times in user mode and in the kernel among the fields after the name of the program, the third one of all; see proc_pid_stat(5). */
const PLACES = { itself: [11, 12], children: [13, 14] } as const;

/** Returns the CPU seconds that a process has used itself, or all its children that have ended and were waited for. */
export function cpuSecondsOf(pid: number | string, whose: keyof typeof PLACES): number {
  // The name is in parentheses, and may have spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  const ticks = PLACES[whose].map((place) => Number(fields[place]));
  return ticks.reduce((sum, each) => sum + each) / TICKS_PER_SECOND;
}
