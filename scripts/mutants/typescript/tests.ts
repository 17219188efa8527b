// Bundles the tests of the copy, and finds the mutants that each of them reaches.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { placed } from "../../common/placed.ts";
import { runTests, type TestRun } from "../run.ts";
import { STATE, TREE } from "./tree.ts";

const HOOKS = join(TREE, "scripts/mutants/typescript/hooks.mjs");
const BUNDLES = join(TREE, "mutant-tests");

/** The tests of a file, or one of them. */
export interface TypeScriptTest extends TestRun {
  readonly reached: ReadonlySet<number>;
}

/** Bundles files of tests: Node starts them in a third of the time. */
export async function bundleTests(files: readonly string[]): Promise<void> {
  await build({
    absWorkingDir: TREE,
    entryPoints: [...files],
    outdir: BUNDLES,
    outbase: "__test__",
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
    outExtension: { ".js": ".mjs" },
    logLevel: "error",
    plugins: [
      {
        name: "places",
        setup: (bundler) => {
          bundler.onLoad({ filter: /tree\/(src|__test__)\/.*\.ts$/ }, ({ path }) => ({
            loader: "ts",
            contents: placed(readFileSync(path, "utf8"), path),
          }));
        },
      },
    ],
  });
}

/** Runs the tests of a file, and returns what they reach together. */
export function measureFile(file: string): TypeScriptTest[] {
  const { lines, seconds } = runRecorded(file);
  return lines === undefined
    ? []
    : [{ ...runOf(file), seconds, reached: new Set(lines.filter(isId)) }];
}

/** Runs the tests of a file, and returns what each of them reaches. */
export function measureTests(file: string): TypeScriptTest[] {
  const tests: TypeScriptTest[] = [];
  // Code that runs when modules are loaded belongs to all tests.
  const loaded: number[] = [];
  let current: { name: string; at: number; ids: number[] } | undefined;
  for (const line of runRecorded(file).lines ?? []) {
    if (isId(line)) {
      (current?.ids ?? loaded).push(line);
    } else if (line.begins !== undefined) {
      current = { name: line.begins, at: line.at, ids: [] };
    } else if (current !== undefined && current.name === line.ends) {
      const { name, at, ids } = current;
      const seconds = (line.at - at) / 1000;
      tests.push({ ...runOf(file, name), seconds, reached: new Set([...loaded, ...ids]) });
      current = undefined;
    }
  }
  return tests;
}

/** A number is the place of a mutant that was reached. */
type Line = number | { begins?: string; ends?: string; at: number };

function isId(line: Line): line is number {
  return typeof line === "number";
}

/** Runs the tests of a file without a mutant; a file whose tests fail is named, and has no lines. */
function runRecorded(file: string): { lines: Line[] | undefined; seconds: number } {
  const record = join(STATE, "reached");
  writeFileSync(record, "");
  rmSync(join(STATE, "active"), { force: true });
  const began = performance.now();
  const verdict = runTests({ ...runOf(file), seconds: 60 });
  const seconds = (performance.now() - began) / 1000;
  const lines = readFileSync(record, "utf8").split("\n").filter(Boolean);
  rmSync(record);
  if (verdict !== "survived") {
    console.log(`${file} fails without a mutant, and is left out`);
    return { lines: undefined, seconds };
  }
  return { lines: lines.map((line) => JSON.parse(line) as Line), seconds };
}

/** The command for the tests of a file, or for one of them. */
function runOf(file: string, name?: string): TestRun {
  const bundle = join(BUNDLES, file.replace(/^__test__\//, "").replace(/\.ts$/, ".mjs"));
  const escaped = name?.replaceAll(/[$()*+.?[\\\]^{|}/]/g, "\\$&");
  const only = escaped === undefined ? [] : [`--test-name-pattern=/^${escaped}$/`];
  return {
    command: ["node", "--import", HOOKS, ...only, bundle],
    cwd: TREE,
    env: {
      ...process.env,
      BLOCKCOPY_MUTANTS: STATE,
      // Other tests clean up at their ends.
      BLOCKCOPY_MUTANTS_BAIL: file.startsWith("__test__/protocol/") ? "1" : undefined,
    },
    seconds: 0,
  };
}
