import { spawnSync } from "node:child_process";

import { givenEnvironment } from "../../native/node-start.ts";

/** Milliseconds that a program may take. */
const TIMEOUT = 5000;

/** Longest output in bytes. */
const LONGEST = 64 * 1024;

/** Returns what a program prints for options such as `-V`; empty if it cannot be started. */
export function outputOf(
  program: string,
  options: readonly string[],
  { timeout = TIMEOUT }: { timeout?: number } = {},
): string {
  const { stdout, stderr } = spawnSync(program, options, {
    stdio: ["ignore", "pipe", "pipe"],
    env: givenEnvironment(),
    killSignal: "SIGKILL",
    timeout,
    maxBuffer: LONGEST,
  });
  // Both are null if it could not be started, although their type does not say so.
  return [stdout, stderr].map((output: Buffer | null) => output?.toString() ?? "").join("\n");
}
