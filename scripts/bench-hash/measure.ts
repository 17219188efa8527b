import { readFileSync } from "node:fs";
import type { Contender } from "./contenders.ts";
import { countedCycles, counting, cyclesOf } from "./cycles.ts";
import { run, runIfInstalled, type Command } from "../common/processes.ts";

/** One run of a contender. */
export interface Sample {
  readonly bytesPerSecond: number;
  /** `undefined` where cycles are not counted. */
  readonly cyclesPerByte: number | undefined;
}

/** Settings for running contenders. */
export interface Plan {
  readonly rounds: number;
  /** The time for which each contender hashes in each round. */
  readonly seconds: number;
  /** The core that everything is pinned to; `undefined` where nothing is. */
  readonly core: number | undefined;
  readonly countCycles: boolean;
}

/**
 * Runs each contender once in each round, and returns the samples of each in the order of the rounds. The rounds go
 * A B C, A B C, …, so that what else the machine does meets all contenders alike.
 */
export function measureRounds(
  contenders: readonly Contender[],
  plan: Plan,
): Map<Contender, Sample[]> {
  const pinned = pinTo(plan.core);
  const samples = new Map<Contender, Sample[]>(contenders.map((contender) => [contender, []]));
  const startUpCycles = new Map(
    plan.countCycles
      ? contenders.map((contender) => [contender, cyclesOf(pinned(contender.startUp))])
      : [],
  );
  for (let round = 0; round < plan.rounds; round++) {
    for (const [contender, taken] of samples) {
      const command = contender.measure(plan.seconds);
      const output = run(pinned(plan.countCycles ? counting(command) : command));
      const { bytes, seconds } = contender.parse(output);
      const cycles = countedCycles(output);
      const startUp = startUpCycles.get(contender);
      taken.push({
        bytesPerSecond: bytes / seconds,
        cyclesPerByte:
          cycles === undefined || startUp === undefined ? undefined : (cycles - startUp) / bytes,
      });
    }
  }
  return samples;
}

/** The core to pin to: the last that this process may run on, as the first has most interrupts to serve. */
export function coreToPinTo(): number | undefined {
  if (runIfInstalled(["taskset", "--version"]) === undefined) return undefined;
  const [, last] =
    /^Cpus_allowed_list:.*?(\d+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return last === undefined ? undefined : Number(last);
}

function pinTo(core: number | undefined): (command: Command) => Command {
  return core === undefined
    ? (command) => command
    : (command) => ["taskset", "-c", String(core), ...command];
}
