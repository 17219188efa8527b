// A copy with `sync`: here, from, to and between hosts, with random options.
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { COMMAND, EXIT, quote, type Outcome } from "../support/programs/cli.ts";
import { assertEvents, summaryIn, type Summary } from "./checked-events.ts";
import { syncChoices } from "./choices.ts";
import type { Task } from "./expected.ts";
import { afterRefusal, pickOptions, words, without, type Given } from "./options.ts";
import {
  assertAttributes,
  assertCopied,
  assertKept,
  assertUntouched,
  before,
  fileOf,
  MOST_REFUSALS,
  runHere,
  setAttributes,
  writeRanges,
  type Before,
  type Step,
} from "./step.ts";

/** The route of a copy: what stands before the names of both ends. */
const ROUTES = [
  ["", ""],
  ["one:", ""],
  ["", "two:"],
  ["one:", "two:"],
] as const;

/** The `sync` of one step: its ends as words, and its range map. */
interface Copy {
  ends: [string, string];
  ranges: Task["ranges"];
}

/** Makes a copy with random options, and checks everything about it. */
export async function syncStep(step: Step): Promise<void> {
  const { random, pair } = step;
  const [from, to] = step.hasHosts ? random.pick(ROUTES) : ROUTES[0];
  const copy: Copy = {
    ends: [from + pair.source.path, to + pair.destination.path],
    ranges: undefined,
  };
  if (!pair.destination.isDevice && random.chance(0.08)) rmSync(pair.destination.path);
  const was = before(pair);
  let given = pickOptions(
    random,
    syncChoices(was.source.length, (name) => fileOf(step, name)),
  );
  if (from + to !== "" && random.chance(0.12))
    given.set("--wire", "0.0.2").set("--remote-command", "blockcopy");
  if (given.has("--ranges")) copy.ranges = writeRanges(step, was.source.length);
  setAttributes(step);

  const tried = random.chance(0.15)
    ? await untilAccepted(step, copy, was, dryOf(given))
    : undefined;
  // If the dry run was refused, the copy itself has been made.
  const dry = tried?.given.has("--dry-run") ? tried.summary : undefined;
  if (tried?.given.has("--dry-run")) {
    assertUntouched(step, was);
    // Only what a dry run cannot have comes back.
    given = new Map([...given].filter(([name]) => tried.given.has(name) || name === "--verify"));
    step.count("dry runs");
  }
  const done =
    tried?.given.has("--dry-run") === false ? tried : await untilAccepted(step, copy, was, given);
  const { ranges } = done.given.has("--ranges") ? copy : { ranges: undefined };
  assertCopied(step, was, done.given, ranges);
  assertAttributes(step, done.given);
  assertReports(step, done.given);
  if (done.given.has("--digest-cache")) await assertKept(step, fileOf(step, "digests"));
  if (done.summary !== undefined) assertSummary(done.summary, was, done.given);
  if (dry !== undefined && done.summary !== undefined)
    assert.deepEqual(counted(dry), counted(done.summary), "a dry run counts what the copy does");
  step.count(`sync ${from || "here"} → ${to || "here"}`);
  if (random.chance(0.15)) await again(step, copy, done.given);
}

/** A second run has nothing to do. */
async function again(step: Step, copy: Copy, given: Given): Promise<void> {
  const was = before(step.pair);
  const json = without(given, "--quiet").set("--json", true);
  const { summary } = await untilAccepted(step, copy, was, json);
  assertUntouched(step, was);
  const { source, destination = 0 } = was.facts.sizes;
  // A block of the destination that reaches over the end of the source is sent without a comparison.
  const most = destination > source ? 1 : 0;
  if (summary !== undefined) assert.ok(summary.blocks <= most, "a second run finds a difference");
  step.count("second runs");
}

function dryOf(given: Given): Given {
  return without(given, "--verify", "--quiet", "--delta")
    .set("--dry-run", true)
    .set("--json", true);
}

function counted({ blocks, changed }: Summary): unknown {
  return { blocks, changed };
}

/** Runs `sync` with fewer and fewer options until it is not refused; then it must succeed. */
async function untilAccepted(
  step: Step,
  copy: Copy,
  was: Before,
  first: Given,
): Promise<{ given: Given; summary: Summary | undefined }> {
  let given = first;
  for (let left = MOST_REFUSALS; left > 0; left -= 1) {
    const outcome = await runHere(step, quote([...COMMAND, "sync", ...words(given), ...copy.ends]));
    const next = afterFailure(step, outcome, given, was);
    if (next === undefined) {
      const summary = given.has("--json") ? summaryIn(assertEvents(outcome, given)) : undefined;
      return { given, summary };
    }
    assertUntouched(step, was);
    given = next;
  }
  throw new Error("refused again and again");
}

/** The options that the failure of a copy leads to; undefined if it has succeeded. */
function afterFailure(step: Step, outcome: Outcome, given: Given, was: Before): Given | undefined {
  const { code, signal, stderr } = outcome;
  const { destination } = was.facts.sizes;
  if (code === EXIT.ok) return undefined;
  step.count(`exit ${code}`);
  if (code === EXIT.usage) return afterRefusal(outcome, given, "sync", was.facts);
  // 0.0.2 on another host makes no destination.
  if (code === EXIT.missing && destination === undefined && !given.has("--create"))
    return without(given, "--wire").set("--create", true);
  if (code === EXIT.otherDestination && given.has("--digest-cache")) {
    rmSync(fileOf(step, "digests"));
    return given;
  }
  throw new Error(`ended with ${code ?? signal}\n${stderr}`);
}

function assertSummary(summary: Summary, was: Before, given: Given): void {
  const { read, same, blocks, changed, sizes, verified, dryRun } = summary;
  assert.equal(dryRun, false);
  assert.equal(same, Math.max(0, read - changed));
  assert.equal(blocks === 0, changed === 0);
  // A source with 0.0.2 does not say how long it is: the local stage counts the bytes of the destination.
  const most = given.has("--wire")
    ? Math.max(was.source.length, was.destination.length)
    : was.source.length;
  assert.ok(read <= most, `${read} of ${was.source.length} bytes were read`);
  const wants = (given.get("--verify") ?? "none") !== "none";
  assert.equal(verified !== null, wants, `verified: ${verified}`);
  if (sizes !== null)
    assert.deepEqual(sizes, {
      source: was.source.length,
      destination: was.destination.length,
    });
}

/** Asserts that the files for people and programs have been written. */
function assertReports(step: Step, given: Given): void {
  if (given.has("--map-file")) {
    assert.match(readFileSync(fileOf(step, "map.svg"), "utf8"), /<svg/);
    rmSync(fileOf(step, "map.svg"));
  }
  if (given.has("--metrics")) {
    const text = readFileSync(fileOf(step, "metrics.prom"), "utf8");
    assert.match(text, /^blockcopy_sync_success\{.*\} 1$/m);
  }
}
