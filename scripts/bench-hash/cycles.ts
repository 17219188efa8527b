import { run, runIfInstalled, type Command, type Output } from "../common/processes.ts";

const PERF: Command = ["perf", "stat", "-x,", "--log-fd", "3", "-e", "cycles:u", "--"];

/** The same command with its CPU cycles counted, which {@link countedCycles} finds in the output. */
export function counting(command: Command): Command {
  return [...PERF, ...command];
}

/** The cycles that `perf stat` counted, those outside the kernel; `undefined` where it counted none. */
export function countedCycles({ fd3 }: Output): number | undefined {
  // A line for each kind of core, where there are several: `<not counted>` for those that the process was not on.
  const counts = fd3
    .split("\n")
    .map((line) => line.split(","))
    .filter(([count = "", , event = ""]) => /^\d+$/.test(count) && event.includes("cycles"))
    .map(([count]) => Number(count));
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count);
}

/** The reason that cycles cannot be counted here; `undefined` if they can. */
export function whyNoCycles(): string | undefined {
  try {
    const output = runIfInstalled(counting(["true"]));
    if (output === undefined) return "perf is not installed";
    if (countedCycles(output) !== undefined) return undefined;
    return `perf stat -e cycles:u says ${output.fd3.split(",")[0]?.trim()}`;
  } catch {
    // Mostly for kernel.perf_event_paranoid, which perf explains over many lines.
    return "perf stat -e cycles:u fails: run it by hand to see why";
  }
}

/** The cycles that the command takes: the middle of three runs, so that one that was disturbed does not count. */
export function cyclesOf(command: Command): number {
  const counts = [1, 2, 3].map(() => countedCycles(run(counting(command))) ?? Number.NaN);
  return counts.toSorted((one, other) => one - other)[1] ?? Number.NaN;
}
