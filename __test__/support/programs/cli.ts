// Runs the built program, alone or as the three-stage pipeline, and says how it ended.
//
// Between processes there are always pipes of the kernel, made by a shell: the streams that Node makes for a
// child are socket pairs, and what Node does to them in between is not what an operator's shell does.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the checkout. */
export const PROJECT = fileURLToPath(new URL("../../../", import.meta.url));

/** The command line of the built program, without arguments. `npm run test:single` names another one. */
export const COMMAND: readonly string[] = [
  join(PROJECT, process.env["BLOCKCOPY_TEST_COMMAND"] ?? "dist/cli/blockcopy"),
];

/** The reason that a test of the launcher, the files of an installation, or a host without /proc cannot run, or `false`. */
export const isSingle: string | false =
  process.env["BLOCKCOPY_TEST_COMMAND"] !== undefined &&
  "the single executable has no launcher and no files, and needs /proc";

/** After this many milliseconds a process counts as hung and is killed: a guard, not a measurement. */
export const HANG_MS = 60_000;

/** The exit codes that the program documents. */
export const EXIT = {
  ok: 0,
  usage: 64,
  differs: 65,
  missing: 66,
  busy: 69,
  internal: 70,
  notKept: 73,
  io: 74,
  cut: 75,
  protocol: 76,
  permission: 77,
  otherDestination: 78,
  incompleteMap: 79,
  readerGone: 141,
} as const;

/** The end of a process and its two outputs. */
export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

/** Surroundings of a run. */
export interface Surroundings {
  /** Added to the environment; `undefined` takes a variable away. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  timeoutMs?: number;
}

/** An environment without what would change the program's behaviour from outside. */
export function environment(extra: Surroundings["env"] = {}): NodeJS.ProcessEnv {
  const {
    DEBUG: _debug,
    BLOCKCOPY_SIMD: _simd,
    BLOCKCOPY_WIRE: _wire,
    NODE_OPTIONS: _options,
    BLOCKCOPY_TEST_COMMAND: _command,
    ...rest
  } = process.env;
  return { ...rest, BLOCKCOPY_SINGLE_FOLDER: "/nowhere", ...extra };
}

/** Runs `argv` in a process group of its own; rejects, with the group killed, when it hangs. stdin is /dev/null. */
export async function execute(
  argv: readonly string[],
  surroundings: Surroundings = {},
): Promise<Outcome> {
  const [file = "", ...args] = argv;
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-run-"));
  const [outPath, errPath] = [join(folder, "stdout"), join(folder, "stderr")];
  const [out, err] = [openSync(outPath, "w"), openSync(errPath, "w")];
  try {
    const child = spawn(file, args, {
      stdio: ["ignore", out, err],
      detached: true,
      env: environment(surroundings.env),
      ...(surroundings.cwd === undefined ? {} : { cwd: surroundings.cwd }),
    });
    const timeoutMs = surroundings.timeoutMs ?? HANG_MS;
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      killGroup(child.pid);
    }, timeoutMs);
    const ended = await new Promise<Pick<Outcome, "code" | "signal">>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve({ code, signal }));
    }).finally(() => clearTimeout(timer));
    killGroup(child.pid);
    const stderr = readFileSync(errPath, "utf8");
    if (hung) throw new Error(`did not end within ${timeoutMs} ms: ${argv.join(" ")}\n${stderr}`);
    return { ...ended, stdout: readFileSync(outPath), stderr };
  } finally {
    closeSync(out);
    closeSync(err);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ends whatever is left of a process group; one that is gone already is what was wanted. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Quotes `words` for a POSIX shell. */
export function quote(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

/** The program with `args`, quoted for a shell. */
export function blockcopy(...args: string[]): string {
  return quote([...COMMAND, ...args]);
}

/** Runs a bash script. */
export function bash(script: string, surroundings?: Surroundings): Promise<Outcome> {
  return execute(["bash", "-c", script], surroundings);
}

/** Options of {@link run}. */
export interface RunOptions extends Surroundings {
  /** Fed through a pipe; without it stdin is /dev/null. */
  stdin?: Buffer;
  /** A command that starts the program, such as strace with its options. */
  prefix?: readonly string[];
  /** The program, unless its launcher is to start it. */
  command?: readonly string[];
}

/** Runs one stage with its stdout on a pipe. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const stage = quote([...(options.prefix ?? []), ...(options.command ?? COMMAND), ...args]);
  if (options.stdin === undefined) return bash(`${stage} | cat; exit "\${PIPESTATUS[0]}"`, options);
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-in-"));
  try {
    const input = join(folder, "stdin");
    writeFileSync(input, options.stdin);
    return await bash(`cat ${quote([input])} | ${stage} | cat; exit "\${PIPESTATUS[1]}"`, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The ends of the three stages of one copy, in the order checksum, retrieve, save. */
export interface PipelineOutcome {
  codes: number[];
  stderr: string[];
}

/** The arguments of the three stages: `destination` is both checksummed and saved to. */
export interface Copy {
  source: string;
  destination: string;
  checksum?: readonly string[];
  retrieve?: readonly string[];
  save?: readonly string[];
}

/** Runs `checksum destination | retrieve source | save destination`. */
export async function pipeline(
  copy: Copy,
  options: Surroundings & { command?: readonly string[] } = {},
): Promise<PipelineOutcome> {
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-pipeline-"));
  try {
    const program = options.command ?? COMMAND;
    const stages = [
      ["checksum", copy.destination, ...(copy.checksum ?? [])],
      ["retrieve", copy.source, ...(copy.retrieve ?? [])],
      ["save", copy.destination, ...(copy.save ?? [])],
    ].map(
      (args, index) => `${quote([...program, ...args])} 2> ${quote([join(folder, String(index))])}`,
    );
    const { stdout } = await bash(
      `set -o pipefail; ${stages.join(" | ")}; echo "\${PIPESTATUS[@]}"`,
      options,
    );
    return {
      codes: stdout.toString().trim().split(" ").map(Number),
      stderr: [0, 1, 2].map((index) => readFileSync(join(folder, String(index)), "utf8")),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Asserts that all three stages succeeded and had nothing to say. */
export function assertCopied(outcome: PipelineOutcome): void {
  assert.deepEqual(outcome, { codes: [0, 0, 0], stderr: ["", "", ""] });
}

/** The lines of stderr without the summary of `sync`: its first line, and the indented ones below it. */
export function withoutSummary(stderr: string): string {
  return stderr.replace(/^(?:Sync done|Delta written) in .*\n(?: {2}.*\n)*/m, "");
}

/** Asserts success in silence, but for the summary of `sync`. */
export function assertSucceeded(outcome: Pick<Outcome, "code" | "stderr">): void {
  assert.equal(withoutSummary(outcome.stderr), "");
  assert.equal(outcome.code, EXIT.ok);
}

/** The last line of what was written to stderr. */
export function lastLine(stderr: string): string {
  return stderr.trimEnd().split("\n").at(-1) ?? "";
}

/**
 * Asserts a failure as the program documents it: the exit code, a last line of stderr
 * `ERROR (stage): what, where; what to do` that matches each of `patterns`, and no stack trace.
 */
export function assertFailed(
  outcome: Pick<Outcome, "code" | "stderr">,
  code: number,
  stage: string,
  ...patterns: RegExp[]
): void {
  const line = lastLine(outcome.stderr);
  assert.equal(outcome.code, code, `exit ${outcome.code}, stderr:\n${outcome.stderr}`);
  assert.ok(line.startsWith(`ERROR (${stage}): `), `last line of stderr: ${line}`);
  assert.match(line, /; \S/, "the message says what to do");
  for (const pattern of patterns) assert.match(line, pattern);
  assert.doesNotMatch(outcome.stderr, /^\s+at .*:\d+:\d+\)?$/m, "a stack trace");
}
