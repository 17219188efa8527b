// The thread that runs one campaign, bundled with the instrumented program.
import { parentPort, workerData } from "node:worker_threads";
import { TARGETS } from "../../../__test__/hostile/targets/all.ts";
import { Campaign } from "./campaign.ts";
import { Random } from "../../../__test__/hostile/random.ts";
import type { Outcome, Work } from "./work.ts";

const { target: name, seed, seconds, kept, current, counters } = workerData as Work;
const target = TARGETS.find((each) => each.name === name);
if (target === undefined) throw new Error(`no target ${name}`);
const length = new Uint32Array(current, 0, 1);
const copy = new Uint8Array(current, 4);
const campaign = new Campaign({
  target,
  counters,
  random: new Random(seed),
  kept,
  onInput: (input) => {
    length[0] = input.length;
    copy.set(input);
  },
});
const begun = Date.now();
await campaign.begin();
await campaign.go(begun + seconds * 1000);
const { runs, coverage } = campaign;
const ended = Date.now();
const outcome: Outcome = {
  runs,
  ...coverage,
  of: counters.length,
  seconds: (ended - begun) / 1000,
  inputs: await campaign.minimised(ended + seconds * 250),
};
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
parentPort?.postMessage(outcome);
