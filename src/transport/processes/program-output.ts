import { spawnSync } from "node:child_process";

import { givenEnvironment } from "../../native/node-start.ts";

/** Limits in milliseconds and bytes. */
const LIMITS = { timeout: 5000, maxBuffer: 64 * 1024 } as const;

/** Returns what a program prints for an option such as `-V`; empty if it cannot be started. */
export function outputOf(program: string, option: string): string {
  const { stdout, stderr } = spawnSync(program, [option], {
    stdio: ["ignore", "pipe", "pipe"],
    env: givenEnvironment(),
    killSignal: "SIGKILL",
    ...LIMITS,
  });
  // Both are null if it could not be started, although their type does not say so.
  return [stdout, stderr].map((output: Buffer | null) => output?.toString() ?? "").join("\n");
}
