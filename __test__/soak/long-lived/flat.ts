// Samples of what a process that lives long holds, and the judgement that it does not grow.
import assert from "node:assert/strict";

/** Numbers of what a process, or a group of them, holds at one time. */
export type Sample = Record<string, number>;

/** Less than this many samples say nothing about growth. */
const FEWEST = 8;

/** Growth that counts as none, for each number of a sample. */
export type Allowed = Record<string, number>;

/** Asserts that no number grows by more than is allowed between the second quarter of the time and the last. */
export function assertFlat(samples: readonly Sample[], allowed: Allowed, what: string): void {
  if (samples.length < FEWEST) return;
  for (const [name, most] of Object.entries(allowed)) {
    const [before, after] = growth(samples, name);
    assert.ok(after - before <= most, `${name} of ${what} grows: ${samplesOf(samples, name)}`);
  }
}

/** Each number at the second quarter and at the last, for people. */
export function describe(samples: readonly Sample[], allowed: Allowed): string {
  if (samples.length < FEWEST) return `only ${samples.length} samples, too few to judge`;
  return Object.keys(allowed)
    .map((name) => `${name} ${growth(samples, name).join(" → ")}`)
    .join(", ");
}

function growth(samples: readonly Sample[], name: string): [number, number] {
  const values = samples.map((sample) => sample[name] ?? 0);
  const quarter = Math.floor(values.length / 4);
  return [median(values.slice(quarter, 2 * quarter)), median(values.slice(-quarter))];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function samplesOf(samples: readonly Sample[], name: string): string {
  return samples.map((sample) => sample[name]).join(" ");
}
