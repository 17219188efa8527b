// `serve` as the forced command of a key, without sshd: the program in place of ssh hands the command line to it, as sshd does.
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMAND, execute, type Outcome, quote, run } from "./cli.ts";

/** Runs `sync`, or `compare` if that is the first word, where the other host only runs `serve` with these words. The program in place of ssh is made in `folder`. */
export function syncServed(
  folder: string,
  words: readonly string[],
  args: readonly string[],
): Promise<Outcome> {
  const rsh = join(folder, "serve-rsh");
  const served = quote([...COMMAND, "serve", ...words]);
  writeFileSync(
    rsh,
    `#!/bin/sh\nfor last; do :; done\nSSH_ORIGINAL_COMMAND=$last\nexport SSH_ORIGINAL_COMMAND\nexec ${served}\n`,
  );
  chmodSync(rsh, 0o755);
  const [command = "sync", ...rest] = args[0] === "compare" ? args : ["sync", ...args];
  return run([command, "-e", rsh, ...rest]);
}

/** Runs `serve` with these words for a command line. */
export function serve(words: readonly string[], line: string | undefined): Promise<Outcome> {
  return execute([...COMMAND, "serve", ...words], { env: { SSH_ORIGINAL_COMMAND: line } });
}
