import { constants } from "node:os";

import { ExitCode } from "./exit-codes.ts";
import { adviceOnMissing } from "./path-advice.ts";
import { adviceOnSystem, adviceOnUnsynced } from "./system-advice.ts";

/** What the engine says of a failure, besides its message. */
export interface EngineFailure extends Error {
  /** Kind of failure: `not-found`, `busy`, `io`, `sync`, … (`code()` of the engine's errors). */
  kind: string;
  /** The file or device. */
  path?: string;
  /** The action that failed: `open`, `read`, `write`, `sync`, … */
  action?: string;
  /** Where in it, in bytes. */
  offset?: number;
  /** Error number of the system call that failed. */
  errno?: number;
}

/** Whether an error comes from the engine. */
export function isEngineFailure(error: unknown): error is EngineFailure {
  return error instanceof Error && "kind" in error && typeof error.kind === "string";
}

/** Asks for a report of what is a fault of this program. */
export const REPORT = "this is a fault of blockcopy: please report it with the lines above";

/** The exit code and, where the system's error adds nothing, the advice for each kind of failure. */
const BY_KIND: Readonly<Record<string, { exitCode: number; advice?: string }>> = {
  "not-found": { exitCode: ExitCode.noInput },
  "not-a-file": { exitCode: ExitCode.usage, advice: "give a regular file or a block device" },
  "no-simd": {
    exitCode: ExitCode.usage,
    advice: "unset BLOCKCOPY_SIMD: the fastest that this CPU has is then used",
  },
  "not-direct": {
    exitCode: ExitCode.usage,
    advice: "leave out `--direct on`: without it, direct I/O is used wherever it is possible",
  },
  "no-identity": {
    exitCode: ExitCode.usage,
    advice: "leave out --cached and --update-digests: nothing would tell whose digests they are",
  },
  permission: { exitCode: ExitCode.permission },
  "read-only": {
    exitCode: ExitCode.permission,
    advice:
      "make it writable (a device with `blockdev --setrw`, a file system by mounting it anew), or choose another destination",
  },
  sealed: {
    exitCode: ExitCode.permission,
    advice: "take the flag away first (`lsattr` shows it; `chattr -i`, `chattr -a`)",
  },
  busy: {
    exitCode: ExitCode.unavailable,
    advice: "free it first, or use --force if you know that nothing else writes to it",
  },
  locked: {
    exitCode: ExitCode.later,
    advice: "run it again when that has ended (`lslocks` shows who has locked what)",
  },
  "no-memory": { exitCode: ExitCode.unavailable, advice: "free memory and run again" },
  "no-threads": {
    exitCode: ExitCode.unavailable,
    advice: "raise the limit on processes (`ulimit -u`, TasksMax) and run again",
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
  sync: {
    exitCode: ExitCode.io,
    advice:
      "do not trust the destination: check the disk (dmesg, smartctl), then copy it again from the beginning",
  },
  shrank: {
    exitCode: ExitCode.io,
    advice: "keep the file as it is while it is copied, or copy a snapshot",
  },
  internal: { exitCode: ExitCode.internal, advice: REPORT },
};

/** The exit code for a failure of the engine. */
export function engineExitCode(error: EngineFailure): number {
  return isImpossibleName(error)
    ? ExitCode.noInput
    : (BY_KIND[error.kind]?.exitCode ?? ExitCode.internal);
}

/** True if nothing can exist by the name that was to be opened. */
function isImpossibleName({ action, errno = 0 }: EngineFailure): boolean {
  const { ELOOP, ENAMETOOLONG, EISDIR } = constants.errno;
  return action === "open" && [ELOOP, ENAMETOOLONG, EISDIR].includes(errno);
}

/** Actions of the engine that are done to a source too. */
const READING = ["open", "read", "stat", "find the size of", "identify"];

/** What to do about a failure of the engine in `stage`. */
export function adviceOnEngine(error: EngineFailure, stage: string): string {
  const { kind, path = "", errno = 0, action = "" } = error;
  const writes = !READING.includes(action);
  const role = stage === "retrieve" || (stage === "sync" && !writes) ? "source" : "destination";
  if (kind === "not-found") {
    return adviceOnMissing(path, role);
  }
  const { ENOSPC, EDQUOT } = constants.errno;
  if (kind === "sync" && (errno === ENOSPC || errno === EDQUOT)) {
    return adviceOnUnsynced(path);
  }
  return BY_KIND[kind]?.advice ?? adviceOnSystem({ path, role, errno, writes });
}
