import { constants } from "node:os";

import { isExport } from "../native/export.ts";
import { ExitCode } from "./exit-codes.ts";
import { adviceOnMissing } from "./path-advice.ts";
import { adviceOnSystem, adviceOnUnsynced, OR_FORCE, RUN_AGAIN } from "./system-advice.ts";

/** A failure of the engine. */
export interface EngineFailure extends Error {
  /** Kind of failure: `not-found`, `busy`, `io`, `sync`, … (`code()` of the engine's errors). */
  kind: string;
  /** The file or device. */
  path?: string;
  /** The action that failed: `open`, `read`, `write`, `sync`, … */
  action?: string;
  /** Offset in the file or device. */
  offset?: number;
  /** Error number of the system call that failed. */
  errno?: number;
}

/** True if an error comes from the engine. */
export function isEngineFailure(error: unknown): error is EngineFailure {
  return error instanceof Error && "kind" in error && typeof error.kind === "string";
}

/** Asks for a bug report. */
export const REPORT = "this is a fault of blockcopy: please report it with the lines above";

/** Kinds of failures that leave two stages without a direct connection. */
export const NO_TUNNEL: readonly string[] = ["no-tunnel", "no-port", "no-key"];

/** Kinds of failures of a direct connection that was lost on the way, or with its peer. */
export const LOST_TUNNEL: readonly string[] = ["tunnel-cut", "tunnel-lost"];

/** The exit code for each kind of failure, and the advice unless it depends on the error number. */
const BY_KIND: Readonly<Record<string, { exitCode: number; advice?: string }>> = {
  "not-found": { exitCode: ExitCode.noInput },
  "not-a-file": { exitCode: ExitCode.usage, advice: "give a regular file or a block device" },
  "no-simd": {
    exitCode: ExitCode.usage,
    advice: "unset BLOCKCOPY_SIMD to use the fastest instructions of this CPU",
  },
  "not-direct": {
    exitCode: ExitCode.usage,
    advice: "leave out `--direct on`: direct I/O is then used where it is possible",
  },
  "no-identity": {
    exitCode: ExitCode.usage,
    advice:
      "leave out --digest-cache (of the stages: --cached and --update-digests): the digests could not be matched to their destination",
  },
  "bad-uri": {
    exitCode: ExitCode.usage,
    advice:
      "give nbd://HOST:PORT/EXPORT or nbd+unix:///EXPORT?socket=PATH, with nbds instead of nbd for TLS; for a file of this name, put ./ before it",
  },
  "no-export": {
    exitCode: ExitCode.unavailable,
    advice:
      "check the address, and that the server runs and accepts another client (`nbdinfo URI`; `qemu-nbd` needs --shared 2 or more)",
  },
  "no-tls": {
    exitCode: ExitCode.unavailable,
    advice:
      "compare the name and the issuer of the server's certificate with the URI: ?tls-certificates=FOLDER names a folder with ca-cert.pem (and client-cert.pem and client-key.pem if the server asks for them), and tls-hostname=NAME another name",
  },
  untrusted: {
    exitCode: ExitCode.permission,
    advice:
      "the certificates, the key and all folders above them must belong to root or to the user who runs this, who alone may write to them, and read the key",
  },
  "no-flush": {
    exitCode: ExitCode.unavailable,
    advice: "serve the disk with flush, for instance by `qemu-nbd` or the file plugin of nbdkit",
  },
  "no-bitmap": {
    exitCode: ExitCode.unavailable,
    advice:
      "check that the server offers it (`nbdinfo --list URI`; `qemu-nbd -B NAME`), and make a full copy if it has been lost",
  },
  "no-allocation": {
    exitCode: ExitCode.unavailable,
    advice: "leave out --ranges: then all of the source is copied",
  },
  server: {
    exitCode: ExitCode.io,
    advice: `look at the log of the NBD server and at the connection to it; ${RUN_AGAIN}`,
  },
  permission: { exitCode: ExitCode.permission },
  link: {
    exitCode: ExitCode.permission,
    advice: "give the path that it leads to, or let root own it and all folders above it",
  },
  "read-only": {
    exitCode: ExitCode.permission,
    advice:
      "make it writable (`blockdev --setrw` for a device, `mount -o remount,rw` for a file system), or choose another destination",
  },
  sealed: {
    exitCode: ExitCode.permission,
    advice: "remove the flag first (`lsattr` shows it; `chattr -i`, `chattr -a`)",
  },
  busy: {
    exitCode: ExitCode.unavailable,
    advice: `free it first${OR_FORCE}`,
  },
  unseen: { exitCode: ExitCode.unavailable },
  "silent-loop": { exitCode: ExitCode.unavailable },
  locked: {
    exitCode: ExitCode.later,
    advice: "run it again when the lock has been released (`lslocks` lists locks)",
  },
  "no-memory": { exitCode: ExitCode.unavailable, advice: "free memory and run it again" },
  "no-threads": {
    exitCode: ExitCode.unavailable,
    advice: "raise the limit on processes (`ulimit -u`, TasksMax) and run it again",
  },
  "beyond-end": {
    exitCode: ExitCode.protocol,
    advice: "the source is larger than the destination: choose a destination that is large enough",
  },
  "corrupt-block": {
    exitCode: ExitCode.protocol,
    advice:
      "nothing of this block was written; check what lies between the two hosts and run again",
  },
  "wrong-digest": {
    exitCode: ExitCode.protocol,
    advice:
      "nothing of this block was written; check what lies between the two hosts and run again",
  },
  io: { exitCode: ExitCode.io },
  "no-tunnel": {
    exitCode: ExitCode.unavailable,
    advice:
      "let TCP connections to that port through the firewalls (--ports FROM-TO sets a range), let the other end listen (--listen), name an address that can be reached (--bind), or use --transport ssh",
  },
  "no-port": {
    exitCode: ExitCode.unavailable,
    advice:
      "give an address of that host to --bind, or a free range to --ports, or use --transport ssh",
  },
  "no-key": { exitCode: ExitCode.unavailable, advice: "use --transport ssh" },
  "tunnel-cut": { exitCode: ExitCode.later, advice: RUN_AGAIN },
  "tunnel-lost": { exitCode: ExitCode.later, advice: RUN_AGAIN },
  "tunnel-damaged": { exitCode: ExitCode.later, advice: RUN_AGAIN },
  "tunnel-abandoned": { exitCode: ExitCode.later, advice: RUN_AGAIN },
  "tunnel-pipe": { exitCode: ExitCode.io, advice: RUN_AGAIN },
  sync: {
    exitCode: ExitCode.io,
    advice:
      "do not trust the destination: check the disk (dmesg, smartctl), then copy it again from the beginning",
  },
  shrank: {
    exitCode: ExitCode.io,
    advice: "do not change the file while it is copied, or copy a snapshot",
  },
  internal: { exitCode: ExitCode.internal, advice: REPORT },
};

/** Returns the exit code for a failure of the engine. */
export function engineExitCode(error: EngineFailure): number {
  if (error.kind === "no-export" && isForbidden(error.errno)) {
    return ExitCode.permission;
  }
  return isImpossibleName(error)
    ? ExitCode.noInput
    : (BY_KIND[error.kind]?.exitCode ?? ExitCode.internal);
}

function isForbidden(errno: number | undefined): boolean {
  return errno === constants.errno.EACCES || errno === constants.errno.EPERM;
}

/** True if no file can have the name that was to be opened. */
function isImpossibleName({ action, errno = 0 }: EngineFailure): boolean {
  const { ELOOP, ENAMETOOLONG, EISDIR } = constants.errno;
  return action === "open" && [ELOOP, ENAMETOOLONG, EISDIR].includes(errno);
}

/** The URI of a server that `sync` has started for an operand `[ COMMAND ]`. */
const OF_COMMAND = /^nbd\+unix:\/\/\/\?socket=\/proc\/\d+\/fd\/\d+$/;

/** The answer of a server that does not have the export. */
const LACKING = /: the server has no (?:default )?export/;

/** Actions of the engine that only read. */
const READING = ["open", "reopen", "read", "stat", "find the size of", "identify"];

/** Returns advice on a failure of the engine in `stage`. */
export function adviceOnEngine(error: EngineFailure, stage: string): string {
  const { kind, path = "", errno = 0, action = "" } = error;
  const writes = !READING.includes(action);
  const role = stage === "retrieve" || (stage === "sync" && !writes) ? "source" : "destination";
  if (kind === "not-found") {
    return adviceOnMissing(path, role);
  }
  if (kind === "silent-loop") {
    return `see what keeps that server (\`losetup -l\` shows the file)${OR_FORCE}`;
  }
  if (kind === "unseen") {
    return adviceOnUnseen(error);
  }
  if (action === "reopen") {
    return `see that /proc is mounted; ${RUN_AGAIN}`;
  }
  const { ENOSPC, EDQUOT } = constants.errno;
  if (kind === "sync" && (errno === ENOSPC || errno === EDQUOT)) {
    return adviceOnUnsynced(path);
  }
  if (isExport(path) && (kind === "io" || kind === "read-only")) {
    return adviceOnExport(kind);
  }
  if (kind === "no-export" && OF_COMMAND.test(path)) {
    return "COMMAND must be an NBD server that serves its default export, to several clients, on the socket that it gets as descriptor 3 (LISTEN_FDS, see sd_listen_fds(3)), as nbdkit and qemu-nbd do";
  }
  if (kind === "no-export" && LACKING.test(error.message)) {
    return "correct the name of the export in the URI: `nbdinfo --list URI` lists those that the server has";
  }
  if (kind === "no-export" && error.errno !== undefined) {
    return adviceOnServer(path, errno);
  }
  return BY_KIND[kind]?.advice ?? adviceOnSystem({ path, role, errno, writes });
}

/** Returns advice on a destination that may be in use or not. */
function adviceOnUnseen({ errno }: EngineFailure): string {
  const remedy =
    errno === undefined
      ? "mount what is missing (`mount -t proc proc /proc`, `mount -t sysfs sysfs /sys`)"
      : "find out why that fails (dmesg; SELinux, AppArmor, or the limits of a container)";
  return `${remedy}${OR_FORCE}`;
}

/** Returns advice on a failure of the disk or file that an NBD server serves. */
function adviceOnExport(kind: "io" | "read-only"): string {
  return kind === "io"
    ? `look at the log of the NBD server, and at the disk that it serves; ${RUN_AGAIN}`
    : "serve it writable, or choose another destination";
}

/** Returns advice on a server that could not be connected to. */
function adviceOnServer(uri: string, errno: number): string {
  const isUnix = /^nbds?\+unix:/i.test(uri);
  if (isForbidden(errno)) {
    return isUnix
      ? "run as a user who may write to the socket and enter its folders (`namei -l`)"
      : "see what forbids the connection: a firewall, SELinux or AppArmor (dmesg)";
  }
  if (errno === constants.errno.ECONNREFUSED) {
    return "see that the server runs and listens there (`ss -ltnx`)";
  }
  return isUnix
    ? "check the path of the socket, and that the server runs on the host that opens it"
    : "check the address, and the network on the way to it";
}
