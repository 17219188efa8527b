// Builds the crates with all mutants in one build. Each can be switched on when the program starts.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { RustMutant } from "./list.ts";

/** The folder of the copies and builds. */
const WORK = resolve("target/mutants/rust");
/** Holds the number of the mutant that is switched on, and the record of places that were reached. */
export const STATE = join(WORK, "state");
/** The instrumented copy. */
export const TREE = join(WORK, "tree");
const INSTRUMENTER = resolve("scripts/mutants/instrument");
const UNVIABLE = join(WORK, "unviable.json");
/** Folders of the crates whose code is changed. */
export const CRATES = ["crates/blockio", "crates/engine"];

/** Environment of every build of the instrumented tree. */
export const BUILD = {
  ...process.env,
  BLOCKCOPY_MUTANTS: STATE,
  CARGO_TARGET_DIR: join(WORK, "build"),
  CARGO_PROFILE_DEV_DEBUG: "0",
  // The compiler warns of the code of mutants.
  RUSTFLAGS: "-Awarnings",
};

/** The build of all mutants that compile. */
export interface Build {
  readonly unviable: ReadonlySet<number>;
  /** Mutants that no switch can select. */
  readonly unplaced: ReadonlySet<number>;
  /** The programs of the tests. */
  readonly programs: readonly string[];
}

/** Instruments a copy of the crates, and builds their tests with those mutants that compile. */
export function build(mutants: readonly RustMutant[]): Build {
  const known = readUnviable();
  const keys = new Map(mutants.map((mutant) => [mutant.id, keyOf(mutant)]));
  const unviable = new Set([...keys.keys()].filter((id) => known.has(keys.get(id) ?? "")));
  for (;;) {
    const tried = mutants.filter(({ id }) => !unviable.has(id));
    const unplaced = new Set(writeTree(tried));
    const { refused, programs } = compile();
    if (refused.size === 0) return { unviable, unplaced, programs };
    for (const id of refused) unviable.add(id);
    writeFileSync(UNVIABLE, JSON.stringify([...unviable].map((id) => keys.get(id))));
    console.log(`${refused.size} mutants do not compile; ${tried.length - refused.size} are left`);
  }
}

/** A mutant and the file that it is in, as that file is now. */
function keyOf({ name, file }: RustMutant): string {
  return `${name} ${createHash("sha256").update(readFileSync(file)).digest("hex")}`;
}

/** Keys of mutants that did not compile in earlier runs, which a build need not find out again. */
function readUnviable(): Set<string> {
  return new Set(
    existsSync(UNVIABLE) ? (JSON.parse(readFileSync(UNVIABLE, "utf8")) as string[]) : [],
  );
}

/** Runs cargo in the instrumented tree, and returns the messages that it prints. */
function cargo(args: readonly string[]): { status: number | null; messages: Message[] } {
  const { status, stdout } = spawnSync("cargo", [...args, "--locked", "--message-format=json"], {
    cwd: TREE,
    env: BUILD,
    encoding: "utf8",
    maxBuffer: 1 << 30,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
  return { status, messages: lines.map((line) => JSON.parse(line) as Message) };
}

interface Message {
  readonly reason: string;
  readonly executable?: string | null;
  readonly profile?: { readonly test: boolean };
  readonly target?: { readonly name: string; readonly kind: string[]; readonly src_path: string };
  readonly message?: {
    readonly level: string;
    readonly message: string;
    readonly rendered: string;
    readonly spans: { file_name: string; line_start: number; is_primary: boolean }[];
  };
}

/** Returns the mutants that have no place. */
function writeTree(mutants: readonly RustMutant[]): number[] {
  const files = output("git", ["ls-files", "Cargo.toml", "Cargo.lock", "crates"])
    .trim()
    .split("\n");
  rmSync(join(TREE, "crates"), { recursive: true, force: true });
  for (const file of files) {
    mkdirSync(dirname(join(TREE, file)), { recursive: true });
    // With the times of the files, for cargo builds only what has changed.
    cpSync(file, join(TREE, file), { preserveTimestamps: true });
  }
  for (const crate of CRATES) {
    cpSync("scripts/mutants/rust/mutant_switch.rs", join(TREE, crate, "src/mutant_switch.rs"));
    const root = join(TREE, crate, "src/lib.rs");
    writeFileSync(
      root,
      readFileSync(root, "utf8").replace(/^(?=(pub )?mod )/m, "mod mutant_switch;\n"),
    );
  }
  mkdirSync(STATE, { recursive: true });
  const list = join(WORK, "list.json");
  writeFileSync(list, JSON.stringify(mutants));
  const program = join(WORK, "instrument");
  const manifest = join(INSTRUMENTER, "Cargo.toml");
  const run = ["run", "--quiet", "--locked", "--manifest-path", manifest, "--target-dir", program];
  return output("cargo", [...run, "--", TREE, list])
    .split("\n")
    .filter(Boolean)
    .map(Number);
}

/** Returns the mutants that the compiler refuses, or the programs that it has made. */
function compile(): { refused: Set<number>; programs: string[] } {
  const packages = ["-p", "blockcopy-blockio", "-p", "blockcopy-engine"];
  const { status, messages } = cargo(["test", "--no-run", ...packages]);
  const refused = new Set(messages.flatMap(({ message }) => mutantOf(message) ?? []));
  if (status !== 0 && refused.size === 0) throw new Error("the instrumented crates do not compile");
  const programs = messages.flatMap(({ executable, profile, target }) =>
    executable && profile?.test === true && target?.kind[0] !== "example" ? [executable] : [],
  );
  return { refused, programs: [...new Set(programs)] };
}

/** The mutant that an error of the compiler is about. */
function mutantOf(message: Message["message"]): number | undefined {
  if (message?.level !== "error" || message.spans.length === 0) return undefined;
  const spans = message.spans
    .filter((span) => span.file_name.startsWith("crates/"))
    .toSorted((one) => (one.is_primary ? -1 : 1));
  const id = spans
    .map((span) => mutantAt(join(TREE, span.file_name), span.line_start))
    .find((mutant) => mutant !== 0);
  if (id === undefined) throw new Error(`an error outside of all mutants:\n${message.rendered}`);
  return id;
}

/** The mutant whose code is on this line of an instrumented file, else 0. */
function mutantAt(path: string, line: number): number {
  const before = readFileSync(path, "utf8").split("\n").slice(0, line).join("\n");
  return Number(/.*\/\*m(\d+)\*\//s.exec(before)?.[1] ?? 0);
}

function output(command: string, args: readonly string[]): string {
  const { status, stdout, error } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 1 << 30,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw error ?? new Error(`${command} ${args.join(" ")} failed`);
  return stdout;
}
