// Runs the campaigns for the decoders in TypeScript, each in a thread that can be watched and ended.
import { resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { rolldown } from "rolldown";
import { keptFile, readInputs } from "../../../__test__/hostile/kept.ts";
import { TARGETS } from "../../../__test__/hostile/targets/all.ts";
import {
  type CampaignFailure,
  type CampaignResult,
  type FuzzOptions,
  keep,
  saveFailure,
} from "../outcome.ts";
import { Branches, COUNTERS, instrumenting } from "./instrument.ts";
import { LONGEST } from "../../../__test__/hostile/mutate.ts";
import type { Outcome, Work } from "./work.ts";

const BUNDLE = resolve("target/fuzz/typescript");

/** A run that takes longer than this many milliseconds hangs. */
const HANG_MS = 20_000;

/** Memory that decoding an input of a few kilobytes may take, in MiB. */
const MEMORY = 256;

/** Names of the targets. */
export const NAMES: readonly string[] = TARGETS.map(({ name }) => name);

/** Bundles the campaign with the instrumented program. Returns the number of branches. */
export async function build(): Promise<number> {
  const branches = new Branches();
  const bundle = await rolldown({
    input: { worker: "scripts/fuzz/typescript/worker.ts" },
    platform: "node",
    external: /\.node$/,
    plugins: [instrumenting(branches)],
  });
  const banner = `import { workerData as __data } from "node:worker_threads"; const ${COUNTERS} = __data.counters;`;
  await bundle.write({
    dir: BUNDLE,
    format: "esm",
    codeSplitting: false,
    banner,
    entryFileNames: "worker.mjs",
  });
  await bundle.close();
  return branches.count;
}

/** Tries one decoder. */
export async function run(
  target: string,
  branches: number,
  { seed, seconds, keepInputs }: FuzzOptions,
): Promise<CampaignResult | CampaignFailure> {
  const current = new SharedArrayBuffer(4 + LONGEST + 4096);
  const counters = new Uint8Array(new SharedArrayBuffer(branches));
  const kept = readInputs(keptFile(target));
  const workerData: Work = { target, seed, seconds, kept, current, counters };
  const outcome = await watched(workerData);
  if (typeof outcome === "string") {
    const [length = 0] = new Uint32Array(current, 0, 1);
    const input = Uint8Array.from(new Uint8Array(current, 4, length));
    return { target, what: outcome, repeat: saveFailure(target, input) };
  }
  if (keepInputs) keep(target, outcome.inputs);
  const { runs, seconds: taken, branches: reached, of, inputs } = outcome;
  const found = `, ${reached} of ${of} branches, ${inputs.length} inputs`;
  return { target, runs, seconds: taken, found };
}

/** Runs the thread. Returns the failure if there is one. */
async function watched(workerData: Work): Promise<Outcome | string> {
  const worker = new Worker(`${BUNDLE}/worker.mjs`, {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY },
  });
  let before = "";
  const watch = setInterval(() => {
    const now = Buffer.from(new Uint8Array(workerData.current)).toString("latin1");
    if (now === before) worker.emit("error", new Error(`a run takes longer than ${HANG_MS} ms`));
    before = now;
  }, HANG_MS);
  try {
    return await new Promise<Outcome | string>((done) => {
      worker.once("message", done);
      worker.once("error", (error: Error) => done(error.stack ?? error.message));
      worker.once("exit", (code) => done(`the thread ended with ${code}`));
    });
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}
