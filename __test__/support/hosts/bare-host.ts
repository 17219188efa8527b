// Far hosts whose blockcopy is not there: an ssh that gives what it runs another PATH and another home folder.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { VERSION } from "../../../src/native/installation.ts";
import type { Cleaning } from "../cleanup.ts";
import { COMMAND, quote } from "../programs/cli.ts";
import { scratch } from "../files/files.ts";
import { type Far, hosts, script } from "./hosts.ts";
import { system } from "../programs/tools.ts";

/** Programs that must be in the PATH of a host for the probes to work. */
const TOOLS = "sh env id find wc sha256sum uname cat chmod gzip mkdir mktemp mv rm".split(" ");

/** Hosts on which blockcopy is not installed. */
export interface Bare {
  /** The command that connects to them. */
  rsh: string;
  /** The PATH there, without what else is put into it. */
  path: string;
  /** The folder that a host's packages are kept in. */
  kept: (host: Far) => string;
  /** The packages that are kept there, and all else that is in that folder. */
  packages: (host: Far) => string[];
}

/**
 * Makes both hosts bare until the test ends.
 *
 * @param node a shell script to call instead of Node; null for none at all
 * @param input what the input of a package goes through on its way
 */
export function bare(
  t: Cleaning,
  { node, input }: { node?: string | null; input?: string } = {},
): Bare {
  const folder = scratch(t);
  const path = join(folder, "path");
  mkdirSync(path);
  for (const tool of TOOLS) symlinkSync(system("which", tool), join(path, tool));
  if (typeof node === "string") script(join(path, "node"), node);
  else if (node === undefined) symlinkSync(system("which", "node"), join(path, "node"));
  const rsh = join(folder, "ssh");
  const through =
    input === undefined
      ? ""
      : `case $last in *input-type* | *gzip*) ${input} > ${folder}/input; exec < ${folder}/input;; esac`;
  script(
    rsh,
    `for last; do :; done
left=$#
for word; do shift; left=$((left - 1)); [ $left -gt 0 ] && set -- "$@" "$word" && host=$word; done
${through}
exec /usr/bin/ssh -F ${quote([hosts().config])} "$@" "HOME=${folder}/$host XDG_CACHE_HOME= PATH=${path} $last"`,
  );
  const kept = (host: Far): string => join(folder, host, ".cache/blockcopy");
  const packages = (host: Far): string[] => {
    try {
      return readdirSync(kept(host));
    } catch {
      return [];
    }
  };
  return { rsh, path, kept, packages };
}

/** The name of a single executable for this CPU. */
export const SINGLE_NAME = `blockcopy-linux-${process.arch}`;

/** Makes a folder with a stand-in for the single executable: a script that calls the built program. */
export function singles(t: Cleaning, version = VERSION): { folder: string; file: string } {
  const folder = scratch(t);
  const file = join(folder, SINGLE_NAME);
  const path = quote([`${dirname(process.execPath)}:/usr/bin:/bin`]);
  const content = `#!/bin/sh\nPATH=${path}; export PATH\nexec ${quote(COMMAND)} "$@"\n`;
  const digest = createHash("sha256").update(`${content}\n`).digest("hex");
  writeFileSync(file, `${content}\nblockcopy ${version} ${process.arch} ${digest}\n`);
  return { folder, file };
}
