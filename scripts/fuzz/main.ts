// Tries all decoders with hostile bytes: npm run fuzz -- [--seconds N] [--only TARGET,…] [--seed N] [--keep] [--input FILE]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { TARGETS } from "../../__test__/hostile/targets/all.ts";
import type { CampaignFailure, CampaignResult, FuzzOptions } from "./outcome.ts";
import * as attacks from "./attacks.ts";
import * as rust from "./rust.ts";
import * as typescript from "./typescript/run.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    only: { type: "string", default: "" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    keep: { type: "boolean", default: false },
    input: { type: "string" },
  },
});

const known = [...typescript.NAMES, ...rust.NAMES, ...attacks.NAMES];
const wanted = values.only === "" ? known : values.only.split(",");
const unknown = wanted.find((name) => !known.includes(name));
if (unknown !== undefined) {
  throw new Error(`there is no target ${unknown}; there are ${known.join(", ")}`);
}

if (values.input === undefined) await campaigns();
else await repeat(values.input);

async function campaigns(): Promise<void> {
  const options: FuzzOptions = {
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    keepInputs: values.keep,
  };
  console.log(`seed ${options.seed}, ${options.seconds} seconds per target`);
  const branches = wanted.some(isTypeScript) ? await typescript.build() : 0;
  if (wanted.some((target) => rust.NAMES.includes(target))) rust.build();
  for (const target of wanted) {
    const result = await campaign(target, branches, options);
    if ("what" in result) {
      console.error(`${target}: ${result.what}`);
      console.error(`repeat it: npm run fuzz -- --only ${target} ${result.repeat}`);
      process.exitCode = 1;
      return;
    }
    const { runs, seconds, found } = result;
    console.log(`${target.padEnd(23)} ${runs} runs, ${seconds.toFixed(0)} s${found}`);
  }
}

async function campaign(
  target: string,
  branches: number,
  options: FuzzOptions,
): Promise<CampaignResult | CampaignFailure> {
  if (isTypeScript(target)) return typescript.run(target, branches, options);
  return rust.NAMES.includes(target) ? rust.run(target, options) : attacks.run(target, options);
}

/** Runs one input, as it was saved after a failure. */
async function repeat(file: string): Promise<void> {
  const [only = ""] = wanted;
  const target = TARGETS.find(({ name }) => name === only);
  if (target === undefined) rust.repeat(only, file);
  else await target.check(readFileSync(file));
}

function isTypeScript(target: string): boolean {
  return typescript.NAMES.includes(target);
}
