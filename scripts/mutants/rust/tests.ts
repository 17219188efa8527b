// Finds the tests of the crates, and the mutants that each of them reaches.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runTests, type TestRun } from "../run.ts";
import { BUILD, STATE, TREE } from "./build.ts";
import type { RustMutant } from "./list.ts";

/** A test of a crate. */
export interface RustTest {
  readonly program: string;
  readonly name: string;
  readonly seconds: number;
  readonly reached: ReadonlySet<number>;
}

/** Runs each test in a process of its own, and records what it reaches. */
export function findTests(programs: readonly string[], mutants: readonly RustMutant[]): RustTest[] {
  const sites = sitesOf(mutants);
  return programs.flatMap((program) => names(program).map((name) => measure(program, name, sites)));
}

/** The commands that try a mutant: the quickest tests first, because any of them may kill it. */
export function testsOf(id: number, tests: readonly RustTest[]): TestRun[] {
  const chosen = tests
    .filter(({ reached }) => reached.has(id))
    .toSorted((one, other) => one.seconds - other.seconds);
  const runs: TestRun[] = [];
  for (let seconds = 0.5; chosen.length > 0; seconds *= 4) {
    const group = takeSeconds(chosen, seconds);
    for (const program of new Set(group.map((test) => test.program)))
      runs.push(
        command(
          program,
          group.filter((test) => test.program === program),
        ),
      );
  }
  return runs;
}

/** Removes the first tests, which together take about that long: at least one. */
function takeSeconds(tests: RustTest[], seconds: number): RustTest[] {
  let sum = 0;
  const end = tests.findIndex((test) => (sum += test.seconds) > seconds);
  return tests.splice(0, end < 0 ? tests.length : Math.max(1, end));
}

/** Mutants by the number of the first one at the same place, which is what the record has. */
function sitesOf(mutants: readonly RustMutant[]): Map<number, number[]> {
  const byPlace = new Map<string, number[]>();
  for (const { id, file, genre, span } of mutants) {
    const place = `${file} ${genre} ${span.start.line}:${span.start.column}`;
    byPlace.set(place, [...(byPlace.get(place) ?? []), id]);
  }
  return new Map([...byPlace.values()].flatMap((ids) => ids.map((id) => [id, ids])));
}

function names(program: string): string[] {
  const list = spawnSync(program, ["--list", "--format=terse"], { encoding: "utf8", env: BUILD });
  return [...list.stdout.matchAll(/^(.*): test$/gm)].map(([, name = ""]) => name);
}

/** Runs a test without a mutant, and records what it reaches. */
function measure(program: string, name: string, sites: Map<number, number[]>): RustTest {
  const record = join(STATE, "reached");
  writeFileSync(record, "");
  rmSync(join(STATE, "active"), { force: true });
  const began = performance.now();
  const verdict = runTests(command(program, [{ name, seconds: 10 }]));
  const seconds = (performance.now() - began) / 1000;
  const ids = readFileSync(record, "utf8").split("\n").filter(Boolean).map(Number);
  rmSync(record);
  if (verdict !== "survived") throw new Error(`${name} fails without a mutant: ${program}`);
  return { program, name, seconds, reached: new Set(ids.flatMap((id) => sites.get(id) ?? [])) };
}

function command(program: string, tests: readonly { name: string; seconds: number }[]): TestRun {
  return {
    command: [
      program,
      "-Zunstable-options",
      "--fail-fast",
      "--exact",
      ...tests.map(({ name }) => name),
    ],
    cwd: TREE,
    // The option that ends after the first failure is unstable.
    env: { ...BUILD, RUSTC_BOOTSTRAP: "1" },
    seconds: tests.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}
