// Random options, and what the program says about combinations that it refuses.
import assert from "node:assert/strict";
import { assertFailed, EXIT, lastLine, type Outcome } from "../support/programs/cli.ts";
import type { Random } from "./random.ts";

/** Options as given: their names, and their values or `true`. */
export type Given = Map<string, string | true>;

/** An option that may be given. */
export interface Choice {
  name: string;
  /** The part of all runs that have it. */
  chance: number;
  /** A random value; missing for a flag. */
  value?: (random: Random) => string;
}

/** The words of a command line. */
export function words(given: Given): string[] {
  return [...given].map(([name, value]) => (value === true ? name : `${name}=${value}`));
}

/** Picks from the choices. */
export function pickOptions(random: Random, choices: readonly Choice[]): Given {
  const given: Given = new Map();
  for (const { name, chance, value } of choices)
    if (random.chance(chance)) given.set(name, value?.(random) ?? true);
  return given;
}

/** A way out of a refusal: the options to give instead. */
type Repair = (given: Given, facts: Facts) => Given | undefined;

/** Facts that may justify a refusal. */
export interface Facts {
  /** Lengths of both ends before the run; undefined for a destination that is missing. */
  sizes: { source: number; destination: number | undefined };
  isDevice: boolean;
}

/**
 * Refusals that are documented, apart from those that name two given options: the words of the message, and a way out.
 * A way out that does not apply means that the refusal is wrong.
 */
const REFUSALS: readonly [RegExp, Repair][] = [
  [
    / has (\d+) bytes and .* (?:only )?\d+/,
    (given, { sizes: { source, destination }, isDevice }) => {
      if (source === destination || destination === undefined) return undefined;
      if (destination > source) return instead(given, ["--truncate"], "--allow-larger");
      // blockcopy 0.0.2 makes no file longer.
      return isDevice ? undefined : instead(given, ["--allow-larger", "--wire"], "--create");
    },
  ],
  [
    /lies beyond the end of/,
    (given) => (hasPart(given) ? without(given, "--start", "--end") : undefined),
  ],
  [
    /must be greater than --start|range is empty/,
    (given) => (hasPart(given) ? without(given, "--start", "--end") : undefined),
  ],
  [
    /the stage that reads the blocks does not know/,
    (given) => (given.has("--compress") ? without(given, "--compress") : undefined),
  ],
  [
    /the source is empty, and --truncate would empty/,
    (given, { sizes: { source } }) =>
      source === 0 && given.has("--truncate") ? instead(given, [], "--force") : undefined,
  ],
];

function hasPart(given: Given): boolean {
  return given.has("--start") || given.has("--end");
}

/** The options that a refusal leads to; fails if it is not one of the documented ones. */
export function afterRefusal(outcome: Outcome, given: Given, stage: string, facts: Facts): Given {
  assertFailed(outcome, EXIT.usage, stage);
  const line = lastLine(outcome.stderr);
  for (const [pattern, repair] of REFUSALS) {
    if (!pattern.test(line)) continue;
    const repaired = repair(given, facts);
    assert.ok(repaired !== undefined, `refused without a reason: ${line}`);
    return repaired;
  }
  // A conflict names the options in the order of the table that refuses them: the first one goes.
  const [message = ""] = line.split("; ");
  const named = Array.from(message.matchAll(/(?<![\w-])--?[a-z][a-z-]*/g), ([name]) => name);
  const own = named.map(nameGiven).filter((name) => given.has(name));
  assert.ok(own.length > 0, `refused for an option that was not given: ${line}`);
  return without(given, own[0] ?? "");
}

/** The name under which an option of a message is given: short forms stand for long ones. */
function nameGiven(name: string): string {
  return { "-o": "--owner", "-n": "--dry-run" }[name] ?? name;
}

/** The options without some of them. */
export function without(given: Given, ...names: string[]): Given {
  return new Map([...given].filter(([name]) => !names.includes(name)));
}

/** The options without some, and with another; undefined if that is given already. */
function instead(given: Given, names: string[], added: string): Given | undefined {
  return given.has(added) ? undefined : without(given, ...names).set(added, true);
}
