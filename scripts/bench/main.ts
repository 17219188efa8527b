// Measures the program and others, on data of its own that it deletes afterwards. Prints tables, then all of it as JSON;
// a run of all scenarios also puts the tables and a chart into docs/.
//
//   npm run bench -- [--dir DIR] [--size 2G] [--rounds 5] [--peer PATH/blockcopy.py] [--only NAME,...] [--json FILE] [--no-docs]
import { writeFileSync } from "node:fs";
import { checkPage, writePage } from "./report/docs.ts";
import { catchSignals, Interrupted, stopIfInterrupted } from "./interruption.ts";
import { describeMachine } from "./machine/machine.ts";
import { inBytes } from "./report/numbers.ts";
import { parseOptions, type Options } from "./options.ts";
import { outcome, type Outcome } from "./report/outcome.ts";
import { Pair } from "./data/pair.ts";
import { probe } from "./data/probe.ts";
import { text, type Report } from "./report/report.ts";
import { clearRoom, makeRoom } from "./data/room.ts";
import { lineUp, measureRounds, type LineUp } from "./rounds.ts";
import type { Bench, Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/all.ts";
import { findTools } from "./machine/tools.ts";

catchSignals();
try {
  const options = parseOptions(process.argv.slice(2));
  const chosen = choose(options.only);
  if (options.docs) checkPage();
  const report = await inRoom(options, chosen);
  const json = JSON.stringify(report, null, 2);
  console.log(json);
  if (options.json !== undefined) writeFileSync(options.json, `${json}\n`);
  if (options.docs) await writePage(report);
} catch (error) {
  await fail(error);
}

/** Measures in a folder that is deleted afterwards, however that ends. */
async function inRoom(options: Options, chosen: readonly Scenario[]): Promise<Report> {
  const files = Math.max(...chosen.map((scenario) => scenario.files ?? 2));
  const folder = makeRoom(options.dir, options.size, files);
  try {
    return await measureAll(folder, options, chosen);
  } finally {
    clearRoom(folder);
  }
}

async function measureAll(
  folder: string,
  { size, rounds, peer }: Options,
  chosen: readonly Scenario[],
): Promise<Report> {
  const tools = findTools(peer);
  const machine = describeMachine(folder, tools);
  const pair = new Pair(folder, size);
  console.error(`Making two files of ${inBytes(size)} in ${folder}`);
  pair.makeSource();
  const bench: Bench = { folder, pair, tools, ...probe(folder) };
  await stopIfInterrupted();
  const lineUps = chosen.map((scenario) => lineUp(scenario, bench, rounds));
  console.error(lineUps.map(announcement).join("\n"));
  const outcomes: Outcome[] = [];
  for (const lined of lineUps) {
    const result = outcome(lined, await measureRounds(lined, bench), size);
    console.log(`\n${text(result)}\n`);
    outcomes.push(result);
  }
  return { machine, size, rounds, outcomes };
}

/** The contenders that take part in a scenario, and the others with the reason. */
function announcement({ scenario, rounds, skipped, contenders }: LineUp): string {
  if (skipped !== undefined) return `${scenario.name}: skipped, ${skipped}`;
  const names = contenders.map((contender) =>
    "missing" in contender ? `${contender.name} (skipped, ${contender.missing})` : contender.name,
  );
  return `${scenario.name}, ${rounds}×: ${names.join(", ")}`;
}

/** The scenarios with these names, in the order of the report. `nbd` is the name of all that begin with `nbd-`. */
function choose(names: readonly string[] | undefined): readonly Scenario[] {
  if (names === undefined) return SCENARIOS;
  const known = SCENARIOS.map(({ name }) => name);
  const isMeant = (scenario: string, name: string): boolean =>
    scenario === name || scenario.startsWith(`${name}-`);
  const unknown = names.filter((name) => !known.some((other) => isMeant(other, name)));
  if (unknown.length > 0)
    throw new Error(`--only ${unknown.join(",")}: there are ${known.join(", ")}`);
  return SCENARIOS.filter((scenario) => names.some((name) => isMeant(scenario.name, name)));
}

/** Says what went wrong. After ctrl-C that is the interruption, and not the command that it ended as well. */
async function fail(error: unknown): Promise<void> {
  let reason = error;
  try {
    await stopIfInterrupted();
  } catch (interruption) {
    reason = interruption;
  }
  console.error(`ERROR (bench): ${messageOf(reason)}`);
  process.exitCode = reason instanceof Interrupted ? reason.exitCode : 1;
}

/** The message of an error and of what caused it. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`;
}
