// npm run test:flakes [-- --runs 10 FILE...]
//
// Runs the whole suite, or the named test files, again and again next to two busy loops, and once more on one CPU. Prints each
// test that has failed and how often, and ends with exit code 1 if there is any. The errors are in target/flakes.
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { wholeNumber } from "../common/whole-number.ts";
import { CARGO_TEST, readCargo } from "./rust.ts";
import { Tally, type Failure, type Total } from "./tally.ts";

const { values, positionals } = parseArgs({
  options: { runs: { type: "string", default: "10" } },
  allowPositionals: true,
});
const runs = wholeNumber("--runs", values.runs, 1);

const LOGS = "target/flakes";
const SUITE = fileURLToPath(new URL("suite.ts", import.meta.url));
const isWhole = positionals.length === 0;
const files = isWhole ? allTests() : positionals;

rmSync(LOGS, { recursive: true, force: true });
mkdirSync(LOGS, { recursive: true });
const tally = new Tally();
for (let run = 1; run <= runs; run += 1) await underLoad(() => runSuite(`run-${run}`));
await runSuite("one-cpu", ["taskset", "--cpu-list", "0"]);

if (tally.isEmpty) console.log("no test has failed");
else console.log(tally.lines().join("\n"));
process.exit(tally.isEmpty ? 0 : 1);

/** The files of the tests that `npm run test:node` runs. */
function allTests(): string[] {
  return readdirSync("__test__", { withFileTypes: true })
    .filter((folder) => folder.isDirectory())
    .flatMap(({ name }) =>
      readdirSync(join("__test__", name)).map((file) => join("__test__", name, file)),
    )
    .filter((path) => path.endsWith(".test.ts"))
    .toSorted();
}

/** Does `work` next to two loops that never rest. */
async function underLoad(work: () => Promise<void>): Promise<void> {
  const loops = [1, 2].map(() => spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }));
  // The loops must not outlive this process.
  const end = (): void => loops.forEach((loop) => loop.kill("SIGKILL"));
  process.once("exit", end);
  try {
    await work();
  } finally {
    process.off("exit", end);
    end();
  }
}

/** Runs all tests once, and counts what fails. */
async function runSuite(name: string, prefix: readonly string[] = []): Promise<void> {
  const began = Date.now();
  const node = await runNode(prefix);
  const rust = isWhole ? await runRust(prefix) : readCargo("");
  const failures = [...rust.failures, ...node.failures];
  for (const failure of failures) tally.add(failure);
  const log = join(LOGS, `${name}.log`);
  writeFileSync(log, failures.map((one) => `${one.file}: ${one.name}\n${one.why}\n\n`).join(""));
  const sum = (of: keyof Total): number => node.total[of] + rust.total[of];
  const seconds = Math.round((Date.now() - began) / 1000);
  const counts = `${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`;
  console.log(`${name}: ${counts} in ${seconds} s`);
}

/** Runs the test files as `npm run test:node` does. */
async function runNode(prefix: readonly string[]): Promise<{ failures: Failure[]; total: Total }> {
  const concurrency = prefix.length === 0 ? cpus().length + 1 : 2;
  const command = [process.execPath, "--import", "tsx", SUITE, String(concurrency), ...files];
  const { stdout, all } = await output([...prefix, ...command]);
  const failures: Failure[] = [];
  let total: Total | undefined;
  for (const line of stdout.split("\n").filter(Boolean)) {
    const parsed = JSON.parse(line) as { failure?: Failure; total?: Total };
    if (parsed.failure !== undefined) failures.push(parsed.failure);
    total = parsed.total ?? total;
  }
  if (total === undefined) throw new Error(`the test runner has ended before its tests\n${all}`);
  return { failures, total };
}

async function runRust(prefix: readonly string[]): Promise<{ failures: Failure[]; total: Total }> {
  const { all } = await output([...prefix, ...CARGO_TEST]);
  const result = readCargo(all);
  if (result.total.passed === 0) throw new Error(`cargo has run no tests\n${all}`);
  return result;
}

/** Returns the output of a command. Its exit code does not matter, because failed tests are named. */
function output([file = "", ...args]: readonly string[]): Promise<{ stdout: string; all: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let all = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      all += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (all += text));
    child.once("error", reject);
    child.once("close", () => resolve({ stdout, all }));
  });
}
