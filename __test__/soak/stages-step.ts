// A copy by the three stages, joined by hand: by pipes or through files, each on any host.
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { COMMAND, EXIT, quote, type Outcome } from "../support/programs/cli.ts";
import { STAGE_CHOICES } from "./choices.ts";
import type { Task } from "./expected.ts";
import { afterRefusal, pickOptions, without, words, type Given } from "./options.ts";
import {
  assertAttributes,
  assertCopied,
  assertKept,
  assertUntouched,
  before,
  fileOf,
  MOST_REFUSALS,
  onHost,
  runHere,
  setAttributes,
  writeRanges,
  type Before,
  type Step,
} from "./step.ts";

const STAGES = ["checksum", "retrieve", "save"] as const;

type Stage = (typeof STAGES)[number];

/** Options of the three stages. */
type Three = Record<Stage, Given>;

/** The ways that the streams take. */
const WAYS = {
  pipes: (a: string, b: string, c: string) => `${a} | ${b} | ${c}`,
  "a file of digests": (a: string, b: string, c: string) => `${a} > hashes; ${b} < hashes | ${c}`,
  "a delta": (a: string, b: string, c: string) => `${a} | ${b} > delta; ${c} < delta`,
  "two files": (a: string, b: string, c: string) =>
    `${a} > hashes; ${b} < hashes > delta; ${c} < delta`,
};

/** A joined copy: where its stages run, and how they are joined. */
interface Copy {
  way: keyof typeof WAYS;
  hosts: Record<Stage, string>;
  /** `retrieve` sends what 0.0.2 would. */
  isLegacy: boolean;
  ranges: Task["ranges"];
}

/** Makes a copy with the three stages and random options, and checks it. */
export async function stagesStep(step: Step): Promise<void> {
  const { random, pair } = step;
  const host = (): string => (step.hasHosts ? random.pick(["", "one", "two"]) : "");
  const far = host();
  if (!pair.destination.isDevice && random.chance(0.05)) rmSync(pair.destination.path);
  const was = before(pair);
  const three = pick(step, was);
  const copy: Copy = {
    way: random.pick(Object.keys(WAYS) as (keyof typeof WAYS)[]),
    hosts: { checksum: far, retrieve: host(), save: far },
    isLegacy: !three.checksum.has("--extended") && random.chance(0.3),
    ranges: undefined,
  };
  if (three.checksum.has("--ranges")) copy.ranges = writeRanges(step, was.source.length);
  if (copy.isLegacy) three.save = without(three.save, ...FROM_RETRIEVE);
  setAttributes(step);

  const accepted = await untilAccepted(step, copy, was, three);
  const given = new Map([...accepted.checksum, ...accepted.save]);
  const { ranges } = accepted.checksum.has("--ranges") ? copy : { ranges: undefined };
  assertCopied(step, was, given, ranges);
  assertAttributes(step, accepted.save);
  const kept = accepted.save.get("--update-digests");
  if (typeof kept === "string") await assertKept(step, kept);
  step.count(`stages through ${copy.way}`);
}

/** Options of `save` that need a `retrieve` of this program. */
const FROM_RETRIEVE = ["--truncate", "--verify", "-a", "-t", "-p", "--owner", "--group"].concat(
  "--numeric-ids",
);

function pick(step: Step, was: Before): Three {
  const { random } = step;
  const checksum = pickOptions(
    random,
    STAGE_CHOICES.checksum(was.source.length, (name) => fileOf(step, name)),
  );
  const save = pickOptions(random, STAGE_CHOICES.save);
  // The two only make sense together.
  const isNew = was.facts.sizes.destination === undefined;
  for (const given of [checksum, save]) if (isNew) given.set("--create", true);
  // Without the root digest, `save` can only say at the end that it has not verified.
  const isPart = ["--start", "--end", "--ranges"].some((name) => checksum.has(name));
  if (isPart && save.get("--verify") === "full") save.set("--verify", "written");
  if (checksum.has("--cached")) save.set("--update-digests", fileOf(step, "digests"));
  return { checksum, retrieve: pickOptions(random, STAGE_CHOICES.retrieve), save };
}

async function untilAccepted(step: Step, copy: Copy, was: Before, first: Three): Promise<Three> {
  let three = first;
  for (let left = MOST_REFUSALS; left > 0; left -= 1) {
    const failed = await runStages(step, copy, three);
    if (failed === undefined) return three;
    const { stage, outcome } = failed;
    step.count(`exit ${outcome.code}`);
    assertUntouched(step, was);
    three = afterFailure(step, { stage, outcome, three, was });
  }
  throw new Error("refused again and again");
}

function afterFailure(
  step: Step,
  failure: { stage: Stage; outcome: Outcome; three: Three; was: Before },
): Three {
  const { stage, outcome, three, was } = failure;
  if (outcome.code === EXIT.usage)
    return { ...three, [stage]: afterRefusal(outcome, three[stage], stage, was.facts) };
  if (outcome.code === EXIT.otherDestination && three.checksum.has("--cached")) {
    rmSync(fileOf(step, "digests"));
    return three;
  }
  throw new Error(`${stage} ended with ${outcome.code ?? outcome.signal}\n${outcome.stderr}`);
}

/** Runs the stages; returns the one that has failed, by the rule of the documentation: the first that is neither 0 nor 141. */
async function runStages(
  step: Step,
  { way, hosts, isLegacy }: Copy,
  three: Three,
): Promise<{ stage: Stage; outcome: Outcome } | undefined> {
  const { source, destination } = step.pair;
  const [a, b, c] = STAGES.map((stage) => {
    const file = stage === "retrieve" ? source.path : destination.path;
    const command = onHost(hosts[stage], COMMAND, [stage, ...words(three[stage]), file]);
    return `{ ${command} 2> ${stage}.err; echo $? > ${stage}.code; }`;
  }) as [string, string, string];
  const joined = WAYS[way](a, b, c);
  const env = isLegacy ? { BLOCKCOPY_WIRE: "0.0.2" } : {};
  await runHere(step, `cd ${quote([step.pair.folder])}; ${joined}`, env);
  const ends = STAGES.map((stage) => {
    const text = (name: string): string => readFileSync(fileOf(step, `${stage}.${name}`), "utf8");
    return { stage, code: Number(text("code")), stderr: text("err") };
  });
  const failed = ends.find(({ code }) => code !== 0 && code !== EXIT.readerGone);
  if (failed === undefined) {
    assert.ok(
      ends.every(({ code }) => code === 0),
      `141 without a cause: ${JSON.stringify(ends)}`,
    );
    await assertStreams(step, way);
    return undefined;
  }
  const { stage, code, stderr } = failed;
  return { stage, outcome: { code, signal: null, stdout: Buffer.alloc(0), stderr } };
}

/** Asserts that `inspect` finds the streams that were kept whole. */
async function assertStreams(step: Step, way: Copy["way"]): Promise<void> {
  if (!step.random.chance(0.3)) return;
  const names = { pipes: [], "a file of digests": ["hashes"], "a delta": ["delta"] };
  for (const name of way === "two files" ? ["hashes", "delta"] : names[way]) {
    const inspect = quote([...COMMAND, "inspect", "--summary", fileOf(step, name)]);
    const { code, stderr, stdout } = await runHere(step, inspect);
    assert.equal(code, EXIT.ok, stderr);
    assert.match(stdout.toString(), /^complete +yes$/m);
  }
}
