// Runs tests with one mutant switched on.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** A command that fails if one of its tests does. */
export interface TestRun {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Seconds that it takes without a mutant. */
  readonly seconds: number;
}

/** The end of the tests of a mutant. */
export type Verdict = "killed" | "timeout" | "survived";

/** Runs tests with a mutant until one fails. Its number is in a file too: processes on other hosts lack the variable. */
export function tryMutant(id: number, runs: readonly TestRun[], state: string): Verdict {
  writeFileSync(join(state, "active"), `${id}\n`);
  for (const run of runs) {
    const verdict = runTests({ ...run, env: { ...run.env, BLOCKCOPY_MUTANT: String(id) } });
    if (verdict !== "survived") return verdict;
  }
  return "survived";
}

/** Seconds of CPU time after which a test hangs: other load does not shorten them. */
const CPU_GUARD = 3;
/** The same for a test that waits. */
const WALL_GUARD = 15;
/** Bytes: a mutant may write without end. */
const FILE_GUARD = 1 << 30;

/** Runs tests to their end. A test that needs too much time counts as one that fails. */
export function runTests(run: TestRun): Verdict {
  const cpu = Math.ceil(CPU_GUARD + run.seconds);
  const limits = [`--cpu=${cpu}`, `--fsize=${FILE_GUARD}`, "--core=0"];
  const { status, signal, error } = spawnSync("prlimit", [...limits, ...run.command], {
    cwd: run.cwd,
    env: run.env,
    timeout: Math.ceil(1000 * (WALL_GUARD + 3 * run.seconds)),
    killSignal: "SIGKILL",
    stdio: "ignore",
  });
  if (error !== undefined && !("code" in error && error.code === "ETIMEDOUT")) throw error;
  if (signal === "SIGKILL" || signal === "SIGXCPU") return "timeout";
  return status === 0 ? "survived" : "killed";
}
