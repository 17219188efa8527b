// The counts of a campaign.
import type { Tried } from "./campaign.ts";
import { describe } from "./moment.ts";

/** Milliseconds in which all others are to end. */
const PROMPT = 2000;

/** Counts moments and the times that processes took to end. */
export class Report {
  readonly #tried: Tried[] = [];
  #late = 0;

  /** Adds a moment. Returns true if it counts: its process was there. */
  add(tried: Tried): boolean {
    if (tried.outcome.victim === undefined) this.#late += 1;
    else this.#tried.push(tried);
    return tried.outcome.victim !== undefined;
  }

  get moments(): number {
    return this.#tried.length;
  }

  /** Prints all counts. */
  print(): void {
    const lines = [
      `${this.moments} moments; in ${this.#late} others, the process had ended before`,
      ...this.#counts("pipeline", ({ moment }) => moment.name.replace(/:.*/, "")),
      ...this.#counts("process", ({ moment }) => moment.role.name),
      ...this.#counts("deed", ({ moment }) => moment.deed),
      ...this.#counts("end", endOf),
      ...this.#times(),
    ];
    console.log(lines.join("\n"));
  }

  #counts(what: string, keyOf: (tried: Tried) => string): string[] {
    const counts = new Map<string, number>();
    for (const tried of this.#tried) counts.set(keyOf(tried), (counts.get(keyOf(tried)) ?? 0) + 1);
    const sorted = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return [`by ${what}: ${sorted.map(([key, count]) => `${key} ${count}`).join(", ")}`];
  }

  /** The time from the death of a process to the end of all others, of the copies that failed. */
  #times(): string[] {
    const failed = this.#tried.filter(
      (tried) => endOf(tried) !== "0" && tried.outcome.restMs !== undefined,
    );
    const times = failed.map(({ outcome }) => outcome.restMs ?? 0).toSorted((a, b) => a - b);
    if (times.length === 0) return [];
    const at = (part: number): number => Math.round(times[Math.ceil(part * times.length) - 1] ?? 0);
    const slow = failed.filter(({ outcome }) => (outcome.restMs ?? 0) > PROMPT);
    return [
      `ms until the others had ended, ${times.length} times: half ${at(0.5)}, 90 % ${at(0.9)}, 99 % ${at(0.99)}, all ${at(1)}`,
      `longer than ${PROMPT} ms: ${slow.length}`,
      ...slow.map(
        ({ moment, outcome }) => `  ${Math.round(outcome.restMs ?? 0)} ms: ${describe(moment)}`,
      ),
    ];
  }
}

/** The end of a pipeline in a word or two. */
export function endOf({ outcome: { end, codes } }: Tried): string {
  if (codes.length > 0) return codes.every((code) => code === 0) ? "0" : codes.join(" ");
  return end.signal ?? String(end.code);
}
