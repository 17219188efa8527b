// Kills and stops the processes of all pipelines at random moments.
// Usage: npm run test:kills [-- --moments N --seed N --only NAME[:NUMBER] --keep-going]
import { parseArgs } from "node:util";
import { wholeNumber } from "../../scripts/common/whole-number.ts";
import type { Undo } from "../support/cleanup.ts";
import { lackingHosts } from "../support/hosts/hosts.ts";
import { type Trial, tryMoment } from "./campaign.ts";
import { describe } from "./moment.ts";
import { PIPELINES } from "./pipelines.ts";
import { makePlace } from "./place.ts";
import { endOf, Report } from "./report.ts";

const { values } = parseArgs({
  options: {
    moments: { type: "string", default: "200" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    only: { type: "string" },
    "keep-going": { type: "boolean", default: false },
  },
});
const seed = wholeNumber("--seed", values.seed);
const [only, number] = values.only?.split(":") ?? [];
const moments = number === undefined ? wholeNumber("--moments", values.moments, 1) : 1;
if (lackingHosts !== false) throw new Error(`cannot run here: ${lackingHosts}`);

const pipelines = PIPELINES.filter(({ name, skip = false }) => {
  if (skip !== false) console.log(`left out: ${name}: ${skip}`);
  return skip === false && (only === undefined || name === only);
});
if (pipelines.length === 0)
  throw new Error(`--only: give one of ${PIPELINES.map(({ name }) => name).join(", ")}`);

const undos: Undo[] = [];
const t = { after: (undo: Undo): unknown => undos.push(undo) };
process.on("exit", () => undos.forEach((undo) => void undo()));
// Ended early, it tells what it has tried.
process.once("SIGINT", finish);
console.log(`seed ${seed}`);
const place = makePlace(t);
const trials = new Map<string, Trial>();
const report = new Report();
let failures = 0;
let tries = 0;
const first = number === undefined ? 0 : wholeNumber("--only", number);
for (let round = first; tries < moments; round += 1) {
  for (const pipeline of pipelines) {
    if (tries >= moments) break;
    // Those that fail or come too late count too, so that the campaign ends.
    tries += 1;
    const { name } = pipeline;
    try {
      const trial = trials.get(name) ?? { t, pipeline, place, seed };
      trials.set(name, trial);
      const tried = await tryMoment(trial, round);
      const { outcome, moment } = tried;
      const counts = report.add(tried);
      const how = counts ? `${endOf(tried)}, ${Math.round(outcome.restMs ?? 0)} ms` : "too late";
      console.log(`${tries} ${describe(moment)}: ${how}`);
    } catch (error) {
      failures += 1;
      console.log(`FAILED ${(error as Error).message}`);
      console.log(`repeat it: npm run test:kills -- --seed ${seed} --only ${name}:${round}`);
      if (!values["keep-going"]) finish();
    }
  }
}
finish();

function finish(): never {
  report.print();
  console.log(failures === 0 ? "nothing failed" : `${failures} failed`);
  process.exit(failures === 0 ? 0 : 1);
}
