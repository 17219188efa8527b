// What is run on another host where nobody has said what: lines for sh(1), one in one word. They go through a login shell, which may be any: so there is no single quote in
// them, no end of a line, and no exclamation mark without a space behind it (csh looks that up even in quotes).
import { CODE_VARIABLES, NO_INSPECTOR } from "../../native/node-start.ts";
import type { Package } from "../bootstrap/package.ts";

/** What a kept copy is named and proved by. */
export type Kept = Pick<Package, "name" | "digest">;

/** The folder that packages are kept in, as `$p`. The standard for XDG_CACHE_HOME has it that a relative one is ignored. */
const PARENT =
  "p=$HOME/.cache; case $XDG_CACHE_HOME in /*) p=$XDG_CACHE_HOME;; esac; p=$p/blockcopy";

/** An expression for Node, also for an old one. */
const SYSTEM =
  "[process.version,process.platform,process.arch,process.report.getReport().header.glibcVersionRuntime].join()";

/** Node is started without what others have put into the environment, and with its debugger closed: see src/native/node-start.ts. */
const CLEAN = `unset ${CODE_VARIABLES.join(" ")}; trap "" USR1`;

/** Says what is there instead of blockcopy, as {@link foundIn} reads it, and does nothing else. */
export const REPORT = `${CLEAN}; echo "blockcopy is missing; node=$(node "${NO_INSPECTOR}" -p "${SYSTEM}" 2>/dev/null </dev/null || node -v 2>/dev/null </dev/null); system=$(uname -sm); PATH=$PATH" >&2; exit 127`;

/**
 * Runs `blockcopy` with the words behind it: that in the PATH, or else a kept copy; or else says what is there. With `sudo`, that runs it, by its full path: the PATH
 * that sudo looks in is another.
 */
export function runLine(kept: Kept | undefined, sudo: boolean): string {
  const exec = sudo ? "exec sudo -n" : "exec";
  const installed = `b=$(${sudo ? "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; " : ""}command -v blockcopy) && ${exec} "$b" "$@"`;
  return [installed, ...(kept === undefined ? [] : [keptLine(kept, exec, sudo)]), REPORT].join(
    "; ",
  );
}

/** Keeps the package that comes as a script on standard input. */
export function keepLine({ name, digest }: Kept): string {
  return `${CLEAN}; ${PARENT}; exec node "${NO_INSPECTOR}" --input-type=module - "$p/${name}" ${digest}`;
}

/** A kept copy runs only if it and the folder of all copies are of the user who logs in, nobody else may write to them or to any folder above, and its files have the digests that they should have. */
function keptLine({ name, digest }: Kept, exec: string, sudo: boolean): string {
  const own = `find "$p" "$d" -prune -type d -user "$u" ! -perm -020 ! -perm -02 | wc -l`;
  // Nor may anything in it be of others.
  const foreign = `find "$d" ! -type l "(" ! -user "$u" -o -perm -020 -o -perm -02 ")" | wc -l`;
  // By its path without links, which others cannot change once all folders above it are known to be safe: a sticky one guards what is in it.
  const safe = `[ "$(find "\${q:-/}" -prune -type d "(" -user 0 -o -user "$u" ")" "(" -perm -1000 -o ! -perm -020 ! -perm -02 ")" | wc -l)" -eq 1 ]`;
  const above = `d=$(cd -P "$d" && pwd -P) && q=$d && while [ -n "$q" ]; do q=\${q%/*}; ${safe} || break; [ -n "$q" ] || k=1; done && [ "$k" = 1 ]`;
  const whole = `cd "$d" && echo "${digest}  SHA256SUMS" | sha256sum -c && sha256sum -c SHA256SUMS`;
  // The launcher cleans the environment, which sudo does by itself; sudo's PATH may lack Node.
  const start = sudo
    ? `"$n" "${NO_INSPECTOR}" "$d/dist/cli/main.js" "$@"`
    : `sh "$d/dist/cli/blockcopy" "$@"`;
  return `${PARENT}; d=$p/${name}; n=$(command -v node) && [ -d "$d" ] && u=$(id -u) && k= && [ "$(${own})" -eq 2 ] && ${above} && [ "$(${foreign})" -eq 0 ] && (${whole}) >/dev/null 2>&1 && ${exec} ${start}`;
}

/** What is on a host that has no blockcopy. */
export interface Found {
  /** The version of Node, as `v20.19.0`; empty where there is none that runs. */
  node: string;
  /** As Node names them: `linux-x64`, with the version of glibc; undefined for what is no glibc, or not known. */
  platform: string | undefined;
  glibc: string | undefined;
  /** As uname(1) names it. */
  system: string;
  /** That of the shell that ssh runs. */
  path: string;
}

/** What the last lines that came from a host say of it; undefined when they do not. */
export function foundIn(said: readonly string[]): Found | undefined {
  const line = said.findLast((text) => text.startsWith("blockcopy is missing; "));
  const parts = /; node=(?<node>[^;]*); system=(?<system>[^;]*); PATH=(?<path>.*)$/.exec(
    line ?? "",
  )?.groups;
  if (parts === undefined) {
    return undefined;
  }
  const [node = "", platform, arch, glibc] = (parts["node"] ?? "").split(",");
  return {
    node,
    platform: platform === undefined ? undefined : `${platform}-${arch}`,
    glibc: glibc === "" ? undefined : glibc,
    system: parts["system"] ?? "",
    path: parts["path"] ?? "",
  };
}
