// Tries all decoders with hostile bytes: npm run fuzz -- [--seconds N] [--only TARGET,…] [--seed N] [--keep] [--input FILE]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { TARGETS } from "../../__test__/hostile/targets/all.ts";
import { wholeNumber } from "../common/whole-number.ts";
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
    seed: wholeNumber("--seed", values.seed),
    seconds: wholeNumber("--seconds", values.seconds),
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
  console.log("nothing failed");
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
  const [only = "", ...others] = wanted;
  if (others.length > 0 || attacks.NAMES.includes(only))
    throw new Error(`--input ${file}: name the one decoder that it is for, with --only TARGET`);
  const target = TARGETS.find(({ name }) => name === only);
  if (target === undefined) return rust.repeat(only, file);
  await target.check(readFileSync(file));
  console.log("nothing failed");
}

function isTypeScript(target: string): boolean {
  return typescript.NAMES.includes(target);
}
