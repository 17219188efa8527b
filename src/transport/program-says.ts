import { spawnSync } from "node:child_process";

import { givenEnvironment } from "../native/node-start.ts";

/** How long, in milliseconds, a program may take to say something about itself; and in how many bytes. */
const LIMITS = { timeout: 5000, maxBuffer: 64 * 1024 } as const;

/** What a program that ends at once prints when it is given this option; nothing if it cannot be started. */
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
