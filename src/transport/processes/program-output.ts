import { spawnSync } from "node:child_process";

import { givenEnvironment } from "../../native/node-start.ts";

/** Limits on what a program may say about itself: milliseconds and bytes. */
const LIMITS = { timeout: 5000, maxBuffer: 64 * 1024 } as const;

/** Returns what a program prints for an option such as `-V`, after which it ends at once; nothing if it cannot be started. */
export function programSays(program: string, option: string): string {
  const { stdout, stderr } = spawnSync(program, [option], {
    stdio: ["ignore", "pipe", "pipe"],
    env: givenEnvironment(),
    killSignal: "SIGKILL",
    ...LIMITS,
  });
  // Where it could not be started, they are null, whatever their type says.
  return [stdout, stderr].map((output: Buffer | null) => output?.toString() ?? "").join("\n");
}
