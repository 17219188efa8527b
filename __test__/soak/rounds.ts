// Rounds: each has a pair of ends of its own and copies between them a few times, with changes in between.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Undo } from "../support/cleanup.ts";
import { deltaStep } from "./delta-step.ts";
import { changeDestination, changeSource, somePair, type Pair } from "./ends.ts";
import { assertKnownFiles, assertNoProcess, assertSameNames } from "./leftovers.ts";
import { Random } from "./random.ts";
import { stagesStep } from "./stages-step.ts";
import { before, type Step } from "./step.ts";
import { syncStep } from "./sync-step.ts";

/** The steps, and how often each is taken. */
const STEPS = [
  [0.65, syncStep],
  [0.28, stagesStep],
  [0.07, deltaStep],
] as const;

/** The rounds of one seed. */
export interface Soak {
  seed: number;
  folder: string;
  hasHosts: boolean;
  counts: Map<string, number>;
}

/** Runs a round; its folder stays if it fails. */
export async function runRound(soak: Soak, round: number): Promise<void> {
  const folder = join(soak.folder, `round-${round}`);
  mkdirSync(folder);
  const notes: string[] = [];
  const random = new Random(`${soak.seed}/${round}`);
  try {
    await withCleanup((t) => steps(t, { soak, random, folder, notes }));
  } catch (error) {
    writeFileSync(join(folder, "notes"), `${notes.join("\n")}\n`);
    throw new Error(`round ${round} of seed ${soak.seed}, in ${folder}\n${notes.join("\n")}`, {
      cause: error,
    });
  }
  rmSync(folder, { recursive: true });
}

interface Round {
  soak: Soak;
  random: Random;
  folder: string;
  notes: string[];
}

async function steps(t: TestContext, { soak, random, folder, notes }: Round): Promise<void> {
  const pair = somePair(t, random, folder);
  const count = (what: string): void => {
    soak.counts.set(what, (soak.counts.get(what) ?? 0) + 1);
  };
  for (let left = random.between(1, 4); left > 0; left -= 1) {
    const step: Step = {
      random,
      pair,
      hasHosts: soak.hasHosts,
      note: (line) => notes.push(line),
      count,
    };
    const temporary = readdirSync(tmpdir());
    keep(folder, pair);
    await choose(random)(step);
    count("copies");
    for (const name of ["before-source", "before-destination"])
      rmSync(join(folder, name), { force: true });
    assertSameNames(tmpdir(), temporary);
    await assertNoProcess(folder);
    assertKnownFiles(folder);
    change(pair, random, folder);
  }
}

/** Keeps the bytes before a step, for the report of a failure. */
function keep(folder: string, pair: Pair): void {
  const { source, destination } = before(pair);
  writeFileSync(join(folder, "before-source"), source);
  writeFileSync(join(folder, "before-destination"), destination);
}

function choose(random: Random): (step: Step) => Promise<void> {
  let at = random.next();
  for (const [part, step] of STEPS) {
    at -= part;
    if (at < 0) return step;
  }
  return syncStep;
}

/** Changes the ends as time does. Digests that are kept of a device do not survive that another program writes to it. */
function change(pair: Pair, random: Random, folder: string): void {
  changeSource(pair, random);
  if (!random.chance(0.3)) return;
  changeDestination(pair, random);
  if (pair.destination.isDevice) rmSync(join(folder, "digests"), { force: true });
}

/** Calls `work` with what the support of the tests takes for a test: it only adds what is to be undone at the end. */
async function withCleanup(work: (t: TestContext) => Promise<void>): Promise<void> {
  const undos: Undo[] = [];
  const context = { after: (undo: Undo) => undos.push(undo) };
  try {
    await work(context as unknown as TestContext);
  } finally {
    for (const undo of undos) await undo();
  }
}
