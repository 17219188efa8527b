// Lines for sh(1) that find, run or install blockcopy on another host. Each is passed as one quoted word through the login shell, which may
// be any shell. So they contain no single quote, no line feed, and no exclamation mark without a space after it: csh would look for that in
// its history, even in quotes.
import { CODE_VARIABLES, NO_INSPECTOR } from "../../native/node-start.ts";
import type { Package } from "../bootstrap/make-package.ts";
import type { SingleFile } from "../bootstrap/single-file.ts";

/** The name and digest of an installed package. */
export type PackageId = Pick<Package, "name" | "digest">;

/** The name of a kept single executable, and the CPU that it is for. */
export type SingleId = Pick<SingleFile, "name" | "cpu">;

/** The forms of this program that may have been sent to hosts without it, and may be run there. */
export interface Sent {
  package: PackageId | undefined;
  /** At most one for each CPU. */
  singles: readonly SingleId[];
}

/** For hosts on which only what was installed may be run. */
export const NOTHING_SENT: Sent = { package: undefined, singles: [] };

/** Sets `$p` to the folder of all installed packages. The XDG standard ignores a relative XDG_CACHE_HOME. */
const PARENT =
  "p=$HOME/.cache; case $XDG_CACHE_HOME in /*) p=$XDG_CACHE_HOME;; esac; p=$p/blockcopy";

/** A JavaScript expression that describes the host. It must work in old versions of Node too. */
const SYSTEM =
  "[process.version,process.platform,process.arch,process.report.getReport().header.glibcVersionRuntime].join()";

/** Prepares the start of Node, without variables that would run other code and with its debugger closed: see src/native/node-start.ts. */
const CLEAN = `unset ${CODE_VARIABLES.join(" ")}; trap "" USR1`;

/** Prints a report on a host without blockcopy, for {@link hostReportIn}, and ends with exit code 127. */
export const REPORT = `${CLEAN}; echo "blockcopy is missing; node=$(node "${NO_INSPECTOR}" -p "${SYSTEM}" 2>/dev/null </dev/null || node -v 2>/dev/null </dev/null); system=$(uname -sm); PATH=$PATH" >&2; exit 127`;

/**
 * Returns a line that runs blockcopy with the words after it: the one in the PATH, or else an installed package; or else prints a report.
 * With `sudo`, it is run by its full path, because sudo looks in another PATH.
 */
export function runLine(
  { package: packageId, singles }: Sent,
  { sudo }: { sudo: boolean },
): string {
  const exec = sudo ? "exec sudo -n" : "exec";
  const installed = `b=$(${sudo ? "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; " : ""}command -v blockcopy) && ${exec} "$b" "$@"`;
  const packaged = packageId === undefined ? [] : [installedLine(packageId, exec, { sudo })];
  const single = singles.length === 0 ? [] : [singleLine(singles, exec)];
  return [installed, ...packaged, ...single, REPORT].join("; ");
}

/** Returns a line that installs the package that comes as a script on standard input. */
export function installLine({ name, digest }: PackageId): string {
  return `${CLEAN}; ${PARENT}; exec node "${NO_INSPECTOR}" --input-type=module - "$p/${name}" ${digest}`;
}

/**
 * Commands that succeed if only the user who logs in can change the folder `$d`, what is in it, or the folder of all packages: all of that
 * must belong to this user, and no other user may write to it, nor to any folder above. `$d` becomes a path without links.
 */
const TRUSTED = ((): string => {
  const own = `find "$p" "$d" -prune -type d -user "$u" ! -perm -020 ! -perm -02 | wc -l`;
  // Counts the files in it that others own or may write to.
  const shared = `find "$d" ! -type l "(" ! -user "$u" -o -perm -020 -o -perm -02 ")" | wc -l`;
  // Checks one folder above it. The path has no links, so no other user can change it once all of its folders are safe. A sticky folder is
  // safe, because others cannot rename what is in it.
  const safe = `[ "$(find "\${q:-/}" -prune -type d "(" -user 0 -o -user "$u" ")" "(" -perm -1000 -o ! -perm -020 ! -perm -02 ")" | wc -l)" -eq 1 ]`;
  const above = `d=$(cd -P "$d" && pwd -P) && q=$d && while [ -n "$q" ]; do q=\${q%/*}; ${safe} || break; [ -n "$q" ] || k=1; done && [ "$k" = 1 ]`;
  return `u=$(id -u) && k= && [ "$(${own})" -eq 2 ] && ${above} && [ "$(${shared})" -eq 0 ]`;
})();

/** Returns a line that runs an installed package, if it can be trusted and its files have the right digests. */
function installedLine(
  { name, digest }: PackageId,
  exec: string,
  { sudo }: { sudo: boolean },
): string {
  const whole = `cd "$d" && echo "${digest}  SHA256SUMS" | sha256sum -c && sha256sum -c SHA256SUMS`;
  // Without sudo, the launcher cleans the environment. sudo does that itself, but its PATH may lack Node.
  const start = sudo
    ? `"$n" "${NO_INSPECTOR}" "$d/dist/cli/main.js" "$@"`
    : `sh "$d/dist/cli/blockcopy" "$@"`;
  return `${PARENT}; d=$p/${name}; n=$(command -v node) && [ -d "$d" ] && ${TRUSTED} && (${whole}) >/dev/null 2>&1 && ${exec} ${start}`;
}

/** Succeeds if the kept executable in `$d` has the digest that it was sent with. */
const WHOLE = `(cd "$d" && sha256sum -c SHA256SUMS) >/dev/null 2>&1`;

/** Returns a line that runs the kept executable for the CPU of the host, if it can be trusted and has the right digest. */
function singleLine(singles: readonly SingleId[], exec: string): string {
  const machines = { x64: "x86_64", arm64: "aarch64|arm64" } as const;
  const cases = singles.map(({ cpu, name }) => `${machines[cpu]}) s=${name};;`).join(" ");
  return `s=; case $(uname -m) in ${cases} esac; ${PARENT}; d=$p/$s; [ -n "$s" ] && [ -f "$d/blockcopy" ] && ${TRUSTED} && ${WHOLE} && ${exec} "$d/blockcopy" "$@"`;
}

/** Age in days from which on a temporary folder is removed: its sender was cut off. */
const LEFTOVER_DAYS = 1;

/**
 * Returns a line that keeps the executable that comes on standard input, compressed by gzip. It gets its name once it is complete, has this
 * digest, and has run. One that is there already stays, unless it is damaged or others could change it. The last line that is printed says where it is, or why not.
 */
export function keepSingleLine({ name }: SingleId, digest: string): string {
  const refuse = (message: string): string => `{ echo "${message}" >&2; exit 1; }`;
  const sums = `${digest}  blockcopy`;
  return [
    PARENT,
    `umask 077`,
    `mkdir -p "$p" || exit 1`,
    `find "$p" -name ".single-*" -prune -mtime +${LEFTOVER_DAYS} -exec rm -rf "{}" ";"`,
    `t=; clean() { rm -rf "$t"; }`,
    // Some shells do not run the first trap when a signal ends them; a closed standard error would do that too.
    `trap clean 0; trap "exit 1" HUP INT TERM; trap "" PIPE`,
    `t=$(mktemp -d "$p/.single-XXXXXX") || exit 1`,
    `d=$t; ${TRUSTED} || ${refuse("another user could change what is in $p; take that right away (chmod go-w), or name another folder with XDG_CACHE_HOME, or install blockcopy there")}`,
    `mkdir "$d/new" && gzip -dc > "$d/new/blockcopy" && echo "${sums}" > "$d/new/SHA256SUMS" && chmod 700 "$d/new/blockcopy" || exit 1`,
    `(cd "$d/new" && sha256sum -c SHA256SUMS >/dev/null) || exit 1`,
    `m=$("$d/new/blockcopy" --version 2>&1) || ${refuse("it does not run from $p: $m")}`,
    `n=$p/${name}`,
    `d=$n; [ "$(cat "$d/SHA256SUMS" 2>/dev/null)" = "${sums}" ] && ${TRUSTED} && ${WHOLE} || { mv "$n" "$t/old" 2>/dev/null; mv "$t/new" "$n" || exit 1; }`,
    // Another sender was faster: what was moved is in its folder.
    `rm -rf "$n/new"`,
    `echo "kept in $n" >&2`,
  ].join("; ");
}

/** A report on a host without blockcopy. */
export interface HostReport {
  /** The version of Node, such as `v20.19.0`; empty if no Node runs there. */
  node: string;
  /** The platform as Node names it, such as `linux-x64`; undefined if unknown. */
  platform: string | undefined;
  /** The version of glibc; undefined if unknown or another C library is used. */
  glibc: string | undefined;
  /** The system and machine as uname(1) names them. */
  system: string;
  /** The PATH of the login shell. */
  path: string;
}

/** Finds the report of a host among its last lines. */
export function hostReportIn(lines: readonly string[]): HostReport | undefined {
  const line = lines.filter((text) => text.startsWith("blockcopy is missing; ")).at(-1);
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
