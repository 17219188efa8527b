// `serve` as the forced command of a key, without sshd: the program in place of ssh hands the command line to it, as sshd does.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { COMMAND, execute, type Outcome, quote, run } from "./cli.ts";
import { changedIn, pair, SOURCE } from "./sync-pair.ts";

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

/** Folders that a key has rights for. */
export interface ServedFolders {
  /** The folder that both are in. */
  folder: string;
  /** The words of serve: all of `out` may be read, and images in `in` written. */
  words: string[];
  /** A file here that differs from both. */
  here: string;
  /** A file in `out`, and one in `in`. */
  out: string;
  copy: string;
}

/** Makes the folders. */
export function servedFolders(t: TestContext): ServedFolders {
  const { folder, from: out, to: here } = pair(t);
  for (const name of ["out", "in"]) mkdirSync(join(folder, name));
  const moved = join(folder, "out/disk.img");
  writeFileSync(moved, readFileSync(out));
  const copy = join(folder, "in/copy.img");
  writeFileSync(copy, changedIn(SOURCE, 5));
  const words = ["--allow-read", `${folder}/out/*`, "--allow-write", `${folder}/in/*.img`];
  return { folder, words, here, out: moved, copy };
}
