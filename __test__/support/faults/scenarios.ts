// The copies, and parts of copies, whose system calls are made to fail.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { bash, blockcopy, COMMAND, quote } from "../programs/cli.ts";
import { BLOCK, noise } from "../files/files.ts";

/** A command whose calls fail. */
export interface Scenario {
  name: string;
  /** The stage that messages name. */
  stage: string;
  /** Arguments, with paths in the current folder. */
  args: readonly string[];
  /** The file of the folder that is fed to standard input. */
  stdin?: string;
  /** The file of the folder that the command makes or changes, if it is not standard output. */
  written?: string;
  /** Content of `written` before the run; null if it does not exist. */
  before?: "old" | "long" | null;
}

const SIZE = 5 * BLOCK + 1000;

/** Content of the source: data, with a block of zeros. */
export const NEW: Buffer = noise("new", SIZE).fill(0, 3 * BLOCK, 4 * BLOCK);

/** Content of the destination before a copy: it lacks the second block and the zeros. */
export const OLD: Buffer = Buffer.from(NEW)
  .fill(7, BLOCK + 5, 2 * BLOCK)
  .fill(8, 3 * BLOCK, 4 * BLOCK);

/** The beginning of a copy with a host whose shell is here. It gives up a stage that hangs before the test gives up the copy. */
const REMOTE = ["sync", "--timeout", "20", "-e", "./rsh", "--remote-command", "@PROGRAM@"];

/** All scenarios. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "checksum", stage: "checksum", args: ["checksum", "--extended", "destination"] },
  { name: "retrieve", stage: "retrieve", args: ["retrieve", "source"], stdin: "hashes" },
  {
    name: "save",
    stage: "save",
    args: ["save", "--lock", "destination"],
    stdin: "blocks",
    written: "destination",
    before: "old",
  },
  {
    name: "save-create",
    stage: "save",
    args: ["save", "--create", "--sparse", "-a", "made"],
    stdin: "all-blocks",
    written: "made",
    before: null,
  },
  {
    name: "save-digests",
    stage: "save",
    args: ["save", "--update-digests", "cache", "--verify=written", "destination"],
    stdin: "blocks",
    written: "destination",
    before: "old",
  },
  {
    name: "sync",
    stage: "sync",
    args: ["sync", "source", "destination"],
    written: "destination",
    before: "old",
  },
  {
    name: "sync-create",
    stage: "sync",
    args: ["sync", "--create", "--sparse", "-a", "source", "made"],
    written: "made",
    before: null,
  },
  {
    name: "sync-verify",
    stage: "sync",
    args: ["sync", "--truncate", "--verify=full", "source", "destination"],
    written: "destination",
    before: "long",
  },
  {
    name: "sync-delta",
    stage: "sync",
    args: ["sync", "--delta", "delta", "source", "destination"],
    written: "delta",
    before: null,
  },
  {
    name: "sync-push",
    stage: "sync",
    args: [...REMOTE, "source", "host:destination"],
    written: "destination",
    before: "old",
  },
  {
    name: "sync-pull",
    stage: "sync",
    args: [...REMOTE, "host:source", "destination"],
    written: "destination",
    before: "old",
  },
  { name: "inspect", stage: "inspect", args: ["inspect", "blocks"] },
];

/** Makes the files that scenarios begin with, in `folder`. */
export async function prepare(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "source"), NEW);
  writeFileSync(join(folder, "destination"), OLD);
  chmodSync(join(folder, "source"), 0o640);
  writeFileSync(join(folder, "rsh"), `#!/bin/sh\nshift\ncd ${quote([folder])}\neval "exec $*"\n`);
  chmodSync(join(folder, "rsh"), 0o755);
  const made = await bash(
    `set -e -o pipefail; cd ${quote([folder])}
    ${blockcopy("checksum", "--extended", "destination")} > hashes
    ${blockcopy("retrieve", "source")} < hashes > blocks
    ${blockcopy("checksum", "--create", "--extended", "made")} | ${blockcopy("retrieve", "source")} > all-blocks`,
  );
  if (made.code !== 0) throw new Error(`the files cannot be made: ${made.stderr}`);
}

/** The files of the folder that a scenario may not change. */
const KEPT = ["source", "hashes", "blocks", "all-blocks", "rsh"];

/** Puts the folder back into the state before the scenario. */
export function reset(folder: string, { written, before }: Scenario): void {
  for (const name of readdirSync(folder))
    if (!KEPT.includes(name)) rmSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "destination"), OLD);
  writeFileSync(join(folder, "cache"), readFileSync(join(folder, "hashes")));
  if (before === "long" && written !== undefined)
    writeFileSync(join(folder, written), Buffer.concat([OLD, noise("tail", BLOCK + 100)]));
}

/** The arguments of a scenario. */
export function argumentsOf({ args }: Scenario): string[] {
  return args.map((word) => word.replace("@PROGRAM@", COMMAND[0] ?? ""));
}

/** The content of the file that a scenario writes; undefined if it writes no file, or the file is missing. */
export function resultOf(folder: string, { written }: Scenario): Buffer | undefined {
  if (written === undefined) return undefined;
  const path = join(folder, written);
  return existsSync(path) ? readFileSync(path) : undefined;
}
