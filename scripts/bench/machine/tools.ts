import { fileURLToPath } from "node:url";
import { run, runIfInstalled, type Command } from "../../common/processes.ts";

/** A program that can be measured. */
export interface Tool {
  /** Words that precede its arguments. */
  readonly command: Command;
  /** As it says itself, with its name. */
  readonly version: string;
}

/** Tools of this machine; `undefined` for those that are missing. */
export interface Tools {
  readonly blockcopy: Tool;
  /** blockcopy.py 0.0.2, where its path was given. */
  readonly peer: Tool | undefined;
  readonly rsync: Tool | undefined;
  readonly blocksyncFast: Tool | undefined;
  readonly qemuImg: Tool | undefined;
  readonly qemuNbd: Tool | undefined;
  readonly nbdcopy: Tool | undefined;
  readonly nbdkit: Tool | undefined;
  readonly fio: Tool | undefined;
  readonly cp: Tool;
  readonly dd: Tool;
}

/** The built program. */
const BLOCKCOPY = fileURLToPath(new URL("../../../dist/cli/blockcopy", import.meta.url));

/** Looks for all tools. `peer` is the path of blockcopy.py. */
export function findTools(peer: string | undefined): Tools {
  return {
    blockcopy: needed([BLOCKCOPY]),
    peer: peer === undefined ? undefined : needed([python(), peer]),
    rsync: find(["rsync"]),
    blocksyncFast: find(["blocksync-fast"]),
    qemuImg: find(["qemu-img"]),
    qemuNbd: find(["qemu-nbd"]),
    nbdcopy: find(["nbdcopy"]),
    nbdkit: find(["nbdkit"]),
    fio: find(["fio"]),
    cp: needed(["cp"]),
    dd: needed(["dd"]),
  };
}

/** True if `blockcopy NAME` exists: the help of an unknown command is that of the whole program, and ends well too. */
export function hasCommand({ command }: Tool, name: string): boolean {
  return run([...command, name, "--help"]).stdout.includes(`blockcopy ${name} `);
}

/** The interpreter itself: what is first in the PATH may be a script that looks for it at each start. */
function python(): string {
  return run(["python3", "-c", "import sys; print(sys.executable)"]).stdout.trim();
}

function needed(command: Command): Tool {
  const { stdout } = run([...command, "--version"]);
  return { command, version: firstLine(stdout) };
}

function find(command: Command): Tool | undefined {
  const output = runIfInstalled([...command, "--version"]);
  return output === undefined ? undefined : { command, version: firstLine(output.stdout) };
}

function firstLine(text: string): string {
  const [line = ""] = text.split("\n");
  // The text before a copyright on the same line says enough.
  return line
    .replace(/,? +(Copyright|protocol version) .*$/, "")
    .replaceAll(/ +/g, " ")
    .trim();
}
