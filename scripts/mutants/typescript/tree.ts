// Makes a copy of the project whose program has all mutants. Each can be switched on when it starts.
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const WORK = resolve("target/mutants/typescript");
/** Holds the number of the mutant that is switched on, and the record of places that were reached. */
export const STATE = join(WORK, "state");
/** The copy. */
export const TREE = join(WORK, "tree");
const TOOLS = resolve("target/tools/stryker");
const INSTRUMENTER = "@stryker-mutator/instrumenter@9.6.1";

/** A mutant as Stryker lists it, with a number of its own. */
export interface TypeScriptMutant {
  readonly id: number;
  readonly file: string;
  readonly line: number;
  readonly name: string;
}

interface StrykerMutant {
  readonly id: string;
  readonly fileName: string;
  readonly location: {
    start: { line: number; column: number };
    end: { line: number; column: number };
  };
  readonly mutatorName: string;
  readonly replacement: string;
  /** `Ignored` for one that is not part of the build. */
  readonly status?: string;
}

/** Copies the project, puts the mutants of these files in, and builds the program. */
export async function makeTree(files: readonly string[]): Promise<TypeScriptMutant[]> {
  const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    encoding: "utf8",
  });
  rmSync(TREE, { recursive: true, force: true });
  for (const file of tracked
    .trim()
    .split("\n")
    .filter((name) => existsSync(name))) {
    mkdirSync(dirname(join(TREE, file)), { recursive: true });
    cpSync(file, join(TREE, file));
  }
  // The engine is the built one.
  rmSync(join(TREE, "npm"), { recursive: true, force: true });
  for (const name of ["node_modules", "npm"]) symlinkSync(resolve(name), join(TREE, name));
  mkdirSync(STATE, { recursive: true });
  const mutants = await instrument(files);
  execFileSync("node", ["--import", "tsx", "scripts/build-cli.ts"], {
    cwd: TREE,
    stdio: "inherit",
  });
  return mutants;
}

async function instrument(files: readonly string[]): Promise<TypeScriptMutant[]> {
  const sources = files.map((name) => ({
    name,
    mutate: true,
    content: readFileSync(name, "utf8"),
  }));
  const instrumenter = (await loadInstrumenter()) as {
    instrument: (
      files: object[],
      options: object,
    ) => Promise<{ files: { name: string; content: string }[]; mutants: StrykerMutant[] }>;
  };
  const result = await instrumenter.instrument(sources, {
    plugins: null,
    // Most strings are messages.
    excludedMutations: ["StringLiteral"],
    ignorers: [],
    noHeader: false,
  });
  for (const { name, content } of result.files)
    writeFileSync(join(TREE, name), withSwitch(content));
  const tried = result.mutants.filter(({ status }) => status !== "Ignored");
  return tried.map((mutant) => {
    const { start, end } = mutant.location;
    const line = start.line + 1;
    const code = textOf(readFileSync(mutant.fileName, "utf8"), start, end);
    const what = `${mutant.mutatorName}: replace ${short(code)} with ${short(mutant.replacement)}`;
    return {
      // 0 is the program without a mutant.
      id: Number(mutant.id) + 1,
      file: mutant.fileName,
      line,
      name: `${mutant.fileName}:${line}:${start.column + 1}: ${what}`,
    };
  });
}

interface Place {
  readonly line: number;
  readonly column: number;
}

function textOf(source: string, start: Place, end: Place): string {
  const lines = source.split("\n").slice(start.line, end.line + 1);
  const last = lines.length - 1;
  lines[last] = (lines[last] ?? "").slice(0, end.column);
  lines[0] = (lines[0] ?? "").slice(start.column);
  return lines.join("\n");
}

function short(code: string): string {
  const line = code.replaceAll(/\s+/g, " ");
  return line.length > 90 ? `${line.slice(0, 87)}...` : line;
}

/** Stryker's switch reads an environment variable, which does not reach all processes of a copy: a file does. */
function withSwitch(content: string): string {
  const theirs = /var ns = g\.__stryker__ \|\| \(g\.__stryker__ = \{\}\);/;
  if (!theirs.test(content) && content.includes("stryMutAct"))
    throw new Error("another header than expected");
  const source = readFileSync("scripts/mutants/typescript/switch.js", "utf8")
    .replace(/^export const mutantSwitch = /, "")
    .replace(/;\s*$/, "")
    .replace("FOLDER", JSON.stringify(STATE));
  const made = `(${source})()`;
  return content.replace(theirs, () => `var ns = g.__stryker__ || (g.__stryker__ = ${made});`);
}

/** Loads Stryker's instrumenter, and installs it where it is missing: the checks of the project do not need it. */
async function loadInstrumenter(): Promise<unknown> {
  if (!existsSync(join(TOOLS, "node_modules"))) {
    mkdirSync(TOOLS, { recursive: true });
    execFileSync("npm", ["install", "--no-audit", "--no-fund", "--prefix", TOOLS, INSTRUMENTER]);
  }
  const require = createRequire(join(TOOLS, "package.json"));
  const load = async (name: string): Promise<Record<string, Function>> =>
    (await import(pathToFileURL(require.resolve(name)).href)) as Record<string, Function>;
  const { createInstrumenter } = await load("@stryker-mutator/instrumenter");
  const { createInjector } = await load("typed-inject");
  const nothing = (): void => {};
  const logger = { debug: nothing, info: nothing, warn: console.warn, isDebugEnabled: () => false };
  return createInstrumenter!(createInjector!().provideValue("logger", logger));
}
