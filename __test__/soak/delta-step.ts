// A copy by a delta: `sync --delta` writes it, and `save` applies it.
import assert from "node:assert/strict";
import { COMMAND, EXIT, quote } from "../support/programs/cli.ts";
import { STAGE_CHOICES, syncChoices } from "./choices.ts";
import { pickOptions, words, without, type Given } from "./options.ts";
import {
  assertAttributes,
  assertCopied,
  assertUntouched,
  before,
  fileOf,
  runHere,
  setAttributes,
  type Step,
} from "./step.ts";

/** Options of `sync` that a delta can have. */
const OF_DELTA = [
  "--compress",
  "--digest",
  "--block-size",
  "--direct",
  "--threads",
  "--bwlimit",
  "--streams",
];

/** Makes a delta and applies it, with random options for both. */
export async function deltaStep(step: Step): Promise<void> {
  const { random, pair } = step;
  const was = before(pair);
  const { source: from, destination: to } = was.facts.sizes;
  const all = syncChoices(was.source.length, (name) => fileOf(step, name));
  const making = pickOptions(
    random,
    all.filter(({ name }) => OF_DELTA.includes(name)),
  );
  const applying = pickOptions(random, STAGE_CHOICES.save);
  allowSizes(making, applying, from - (to ?? 0));
  if (from === 0) applying.set("--force", true);
  setAttributes(step);
  const [far, there] = step.hasHosts
    ? [random.pick(["", "one:"]), random.pick(["", "two:"])]
    : ["", ""];
  const ends = [far + pair.source.path, there + pair.destination.path];
  // The stages of an earlier step can have left a stream of 0.0.2 in `delta`, which is refused.
  const delta = fileOf(step, "sync-delta");
  const make = quote([...COMMAND, "sync", `--delta=${delta}`, ...words(making), ...ends]);
  const made = await runHere(step, make);
  assert.equal(made.code, EXIT.ok, made.stderr);
  assertUntouched(step, was);

  const settled = applying.has("-o") ? applying : settle(applying);
  const apply = quote([...COMMAND, "save", ...words(settled), pair.destination.path]);
  const applied = await runHere(step, `${apply} < ${quote([delta])}`);
  assert.equal(applied.code, EXIT.ok, applied.stderr);
  assertCopied(step, was, settled);
  assertAttributes(step, settled);
  step.count("deltas");
}

/** Allows for the sizes of both ends: `difference` is how much longer the source is. */
function allowSizes(making: Given, applying: Given, difference: number): void {
  if (difference > 0) making.set("--create", true);
  if (difference < 0)
    making.set(applying.has("--truncate") ? "--truncate" : "--allow-larger", true);
}

function settle(given: Given): Given {
  const copiesOwner = ["-a", "--owner", "--group"].some((name) => given.has(name));
  return copiesOwner ? given : without(given, "--numeric-ids");
}
