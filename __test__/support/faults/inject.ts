// Runs a scenario with a system call that fails.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { NO_INSPECTOR } from "../../../src/native/node-start.ts";
import { bash, PROJECT, quote, type Outcome } from "../programs/cli.ts";
import { argumentsOf, type Scenario } from "./scenarios.ts";

/** A system call that fails. */
export interface Fault {
  /** The call, as strace names it. */
  call: string;
  /** The error, such as `EIO`. */
  error: string;
  /** The calls of each thread that fail: `3` or `3+`, see `when` in strace(1). */
  when: string;
  /** Only calls on this file, of the folder if the path is relative. */
  path?: string;
}

/** The end of a run, and the number of calls that have failed. */
export interface Run extends Outcome {
  hits: number;
}

/** The run has not ended in time. */
export class Hang extends Error {
  /** True if a call has failed by which Node wakes itself up. */
  readonly isNodes: boolean;

  constructor(cause: unknown, isNodes: boolean) {
    super(String(cause), { cause });
    this.isNodes = isNodes;
  }
}

/**
 * A failed write with which libuv wakes up a thread of its own process, by an eventfd or a pipe whose both ends it has: `*` releases
 * the lock of its signal handlers. The kernel fails none of them like this. libuv aborts, or waits forever for the byte.
 */
const NODE_WAKES =
  /^\d+ +write\(\d+<(?:anon_inode:\[eventfd\]>|pipe:\[\d+\]>, "\*", 1\)).*\(INJECTED\)$/m;

const ATTACH = join(PROJECT, "__test__/support/faults/attach.mjs");
const PROGRAM = [
  process.execPath,
  NO_INSPECTOR,
  "--import",
  ATTACH,
  join(PROJECT, "dist/cli/main.js"),
];

/** Runs a scenario in `folder` under strace with these options. */
async function traced(
  folder: string,
  scenario: Scenario,
  options: readonly string[],
): Promise<Outcome> {
  const input = scenario.stdin === undefined ? "" : `cat ${quote([scenario.stdin])} |`;
  const command = quote([...PROGRAM, ...argumentsOf(scenario)]);
  const status = scenario.stdin === undefined ? 0 : 1;
  return bash(`${input} ${command} | cat; exit "\${PIPESTATUS[${status}]}"`, {
    cwd: folder,
    env: {
      FAULT_STRACE: JSON.stringify(options),
      UV_THREADPOOL_SIZE: "16",
      BLOCKCOPY_IGNORED: "0",
      BLOCKCOPY_CLOSED: "",
      LC_ALL: "C.UTF-8",
    },
  });
}

/** Runs a scenario without a fault; returns its end, and the largest number of each call in a thread, on `path` if there is one. */
export async function countCalls(
  folder: string,
  scenario: Scenario,
  scratch: string,
  path?: string,
): Promise<{ outcome: Outcome; counts: ReadonlyMap<string, number> }> {
  const where = path === undefined ? [] : ["-P", resolve(folder, path)];
  const output = join(scratch, "thread");
  const outcome = await traced(folder, scenario, ["-ff", "-qq", "-o", output, ...where]);
  const counts = new Map<string, number>();
  for (const name of readdirSync(scratch)) {
    const own = new Map<string, number>();
    for (const [, call = ""] of readFileSync(join(scratch, name), "latin1").matchAll(/^(\w+)\(/gm))
      own.set(call, (own.get(call) ?? 0) + 1);
    rmSync(join(scratch, name));
    for (const [call, count] of own) counts.set(call, Math.max(count, counts.get(call) ?? 0));
  }
  return { outcome, counts };
}

/**
 * Runs a scenario with a fault.
 *
 * @throws Hang
 */
export async function inject(
  folder: string,
  scenario: Scenario,
  { call, error, when, path }: Fault,
  scratch: string,
): Promise<Run> {
  const output = join(scratch, "trace");
  rmSync(output, { force: true });
  const where = path === undefined ? [] : ["-P", resolve(folder, path)];
  const what = ["-y", "-e", `trace=${call}`, "-e", `inject=${call}:error=${error}:when=${when}`];
  const trace = (): string => (existsSync(output) ? readFileSync(output, "latin1") : "");
  const options = ["-f", "-qq", "-o", output, ...where, ...what];
  const outcome = await traced(folder, scenario, options).catch((failure: unknown) => {
    if (!String(failure).includes("did not end within")) throw failure;
    throw new Hang(failure, NODE_WAKES.test(trace()));
  });
  return { ...outcome, hits: trace().split("(INJECTED)").length - 1 };
}
