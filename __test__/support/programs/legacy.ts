// Hosts with blockcopy 0.0.2, without a network: what connects to them is a shell here.
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMAND, type Outcome, quote, run, type RunOptions } from "./cli.ts";

/** The program of 0.0.2, where the environment names one. */
const PYTHON = process.env["BLOCKCOPY_PEER"] || undefined;

/** The programs at the remote end: this one, which speaks as 0.0.2 does, and 0.0.2 itself; with the reason why one is missing, or `false`. */
export const LEGACY_PROGRAMS: [name: string, command: string, skip: string | false][] = [
  ["this program", quote(COMMAND), false],
  [
    "blockcopy.py",
    `python3 ${quote([PYTHON ?? ""])}`,
    PYTHON === undefined ? "BLOCKCOPY_PEER names no blockcopy.py of version 0.0.2" : false,
  ],
];

/** This program, as the far end has it. */
export const OURS = quote(COMMAND);

/** A shell script in `folder`, which can be run. */
export function scriptIn(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Runs `blockcopy sync --wire 0.0.2` in `folder`, where every host is this one, and `there` what is called on it. */
export function syncWire(
  folder: string,
  there: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  // As sshd does, it leaves the command to a shell.
  const rsh = scriptIn(folder, "rsh", 'for last; do :; done\nexec sh -c "$last"');
  const words = ["sync", "--wire", "0.0.2", "-e", rsh, "--remote-command", there];
  return run([...words, ...args], { cwd: folder, ...options });
}
