// Runs copies in a real guest: real drivers, real disks as far as qemu has them, and power cuts.
// Usage: npm run test:guest -- [--only NAME,...] [--seed N] [--power-cuts N]
import { parseArgs } from "node:util";
import { wholeNumber } from "../common/whole-number.ts";
import { Random } from "./disk/random.ts";
import { TOPICS } from "./expectations/all.ts";
import { fileSystems } from "./expectations/layers.ts";
import type { Outcome } from "./judge.ts";
import { DEBIAN_PACKAGES, whyNot } from "./machine/programs.ts";
import { runOnHost } from "./on-host.ts";
import { POWER_CUTS, runPowerCuts } from "./power-cuts.ts";
import { thinDeltaRecipe } from "./recipe.ts";
import { Rig } from "./rig.ts";
import { runTopic } from "./run-topic.ts";

const ON_HOST = "file-systems-on-host";
const { values } = parseArgs({
  options: {
    only: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    "power-cuts": { type: "string", default: "20" },
  },
});
const seed = wholeNumber("--seed", values.seed);
const cuts = wholeNumber("--power-cuts", values["power-cuts"]);
process.exitCode = await main();

async function main(): Promise<number> {
  const names = [...TOPICS.map(({ name }) => name), ON_HOST, POWER_CUTS];
  const chosen = new Set(values.only?.split(",") ?? names);
  const isChosen = (name: string): boolean => chosen.has(name);
  if (![...chosen].every((name) => names.includes(name))) {
    throw new Error(`--only: expected are some of ${names.join(",")}`);
  }
  console.log(`seed ${seed}`);
  const outcomes: Outcome[] = [];
  const report = (outcome: Outcome): void => {
    outcomes.push(outcome);
    print(outcome);
  };
  // Listeners for the exit remove what is left.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => process.exit(1));
  }
  if (isChosen(ON_HOST)) await runOnHost(fileSystems, report);
  if (names.some((name) => name !== ON_HOST && isChosen(name))) await runGuests(isChosen, report);
  return summarize(outcomes);
}

/** Runs what needs qemu. */
async function runGuests(
  isChosen: (name: string) => boolean,
  report: (outcome: Outcome) => void,
): Promise<void> {
  const reason = whyNot();
  if (reason !== undefined) {
    console.log(`SKIPPED (guest): ${reason}. On Debian: apt-get install ${DEBIAN_PACKAGES}`);
    return;
  }
  const rig = new Rig({ recipe: thinDeltaRecipe() });
  process.on("exit", () => rig.remove());
  for (const topic of TOPICS.filter(({ name }) => isChosen(name))) {
    await runTopic(rig, topic, new Random(seed, topic.name), report);
  }
  if (isChosen(POWER_CUTS)) await runPowerCuts(rig, { seed, cuts, report });
}

function print({ topic, row, state, reason: why }: Outcome): void {
  console.log(`${state} ${topic}: ${row}${why === undefined ? "" : ` (${why})`}`);
}

function summarize(outcomes: readonly Outcome[]): number {
  const count = (state: Outcome["state"]): number =>
    outcomes.filter((each) => each.state === state).length;
  console.log(`${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`);
  const failed = new Set(
    outcomes.filter(({ state }) => state === "failed").map(({ topic }) => topic),
  );
  if (failed.size === 0) return 0;
  const only = [...failed].join(",");
  console.log(
    `To repeat: npm run test:guest -- --only ${only} --seed ${seed} --power-cuts ${cuts}`,
  );
  return 1;
}
