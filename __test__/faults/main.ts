// The whole fault matrix of the program. Options: --seed NUMBER, --rows NUMBER (how many, by chance; all without it),
// --skip NUMBER (of the first rows), --turns NUMBER (of each call in each scenario), --only TEXT (in the names of rows), --log FILE.
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { wholeNumber } from "../../scripts/common/whole-number.ts";
import { Bench, nameOf, random } from "../support/faults/matrix.ts";
import { SCENARIOS } from "../support/faults/scenarios.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    rows: { type: "string" },
    skip: { type: "string", default: "0" },
    turns: { type: "string", default: "12" },
    only: { type: "string", default: "" },
    log: { type: "string" },
  },
});

const seed = wholeNumber("--seed", values.seed);
const turns = wholeNumber("--turns", values.turns, 1);
const skip = wholeNumber("--skip", values.skip);
const most = values.rows === undefined ? undefined : wholeNumber("--rows", values.rows, 1);

async function main(): Promise<number> {
  console.log(`seed ${seed}`);
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-faults-"));
  const bench = new Bench(folder);
  await bench.prepare();
  const all = await bench.rows(SCENARIOS, turns, random(seed));
  const asked = all.filter((row) => nameOf(row).includes(values.only));
  if (asked.length === 0)
    throw new Error(`--only ${values.only}: no row has this in its name; --log FILE lists them`);
  const rows = asked.slice(skip).slice(0, most);
  console.log(`${rows.length} of ${all.length} rows`);
  const codes = new Map<string, number>();
  let [unreached, failed] = [0, 0];
  for (const row of rows) {
    const { wrong, hits, code } = await bench.try(row);
    const end = hits === 0 ? "not reached" : String(code);
    codes.set(end, (codes.get(end) ?? 0) + 1);
    unreached += hits === 0 ? 1 : 0;
    failed += wrong.length === 0 ? 0 : 1;
    const line = `${nameOf(row)}: exit ${code}, ${hits} calls failed ${wrong.join("; ")}`;
    if (wrong.length > 0) console.log(`WRONG ${line}`);
    if (values.log !== undefined) appendFileSync(values.log, `${line}\n`);
  }
  rmSync(folder, { recursive: true });
  const ends = [...codes]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([code, count]) => `${code}: ${count}`);
  console.log(`rows by exit code: ${ends.join(", ")}`);
  console.log(`${rows.length - unreached} rows were reached, ${failed} are wrong`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
