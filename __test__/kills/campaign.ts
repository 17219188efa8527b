// Does the moments of a pipeline, one after the other.
import type { Cleaning } from "../support/cleanup.ts";
import { shape } from "../support/hosts/host-state.ts";
import { assertConverges } from "./again.ts";
import { attempt, type Lives, measure, type Outcome } from "./attempt.ts";
import { faultsOf } from "./judge.ts";
import { describe, type Moment, momentOf } from "./moment.ts";
import type { Pipeline, Place } from "./pipeline.ts";
import { running } from "./processes.ts";

/** A moment that was tried. */
export interface Tried {
  moment: Moment;
  outcome: Outcome;
}

/** A pipeline, and what is needed to try its moments. */
export interface Trial {
  t: Cleaning;
  pipeline: Pipeline;
  place: Place;
  seed: number;
  /** The times at which its processes live; measured when they are needed. */
  lives?: Lives;
}

/** Does one moment, and the same copy again. Throws if anything was wrong. */
export async function tryMoment(trial: Trial, number: number): Promise<Tried> {
  const { t, pipeline, place, seed } = trial;
  const moment = momentOf(seed, pipeline, number);
  if ("part" in moment.when) trial.lives ??= await livesOf(trial);
  const outcome = await slowly(t, pipeline, () => attempt(trial, moment)).catch(
    (error: unknown) => {
      throw new Error(`${describe(moment)}\n  ${String(error)}`, { cause: error });
    },
  );
  const faults = faultsOf({ pipeline, place, moment, outcome });
  endAll();
  // Undisturbed, it has shown already what it has to.
  if (faults.length === 0 && outcome.victim !== undefined)
    await assertConverges(pipeline, place).catch((error: unknown) => faults.push(String(error)));
  endAll();
  if (faults.length > 0) {
    const { end, codes, stderr } = outcome;
    const ended = codes.length > 0 ? codes.join(" ") : (end.signal ?? end.code);
    throw new Error([describe(moment), ...faults, `ended with ${ended}`, ...stderr].join("\n  "));
  }
  return { moment, outcome };
}

/** Runs a pipeline once, undisturbed. */
async function livesOf({ t, pipeline, place }: Trial): Promise<Lives> {
  try {
    return await slowly(t, pipeline, () => measure(pipeline, place));
  } finally {
    endAll();
  }
}

/** Does `work` while the links are slow. */
async function slowly<T>(t: Cleaning, { rate }: Pipeline, work: () => Promise<T>): Promise<T> {
  if (rate === undefined) return work();
  const ends = (["one", "two"] as const).map((host) => shape(t, host, rate));
  try {
    return await work();
  } finally {
    for (const end of ends) end();
  }
}

/** Ends all that still runs on the hosts: the connection that a pipeline shares, and after a failure anything. */
function endAll(): void {
  for (const { pid } of running()) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has just ended.
    }
  }
}
