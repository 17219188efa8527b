import { constants } from "node:os";

import { AddonError } from "../native/load.ts";
import { type EngineFailure, isEngineFailure } from "./engine-failure.ts";
import { ProtocolError } from "../protocol/error.ts";
import { BaseError } from "../stages/save/delta-base.ts";
import { OptionError } from "../blocks/context.ts";
import { MissingError } from "../stages/save/destination.ts";
import { CacheError } from "../digests/digest-cache.ts";
import { UntrustedError } from "../transport/files/untrusted.ts";
import { KeepError } from "../digests/kept-digests.ts";
import { RoomError } from "../blocks/capacity.ts";
import { StoppedError } from "../blocks/stopping.ts";
import { VerifyError } from "../stages/save/verify.ts";
import { SyncError } from "../sync/failure.ts";
import { SpoolError } from "../transport/streams/spool.ts";
import { OpenError, ReaderGoneError, StreamError } from "./stream-errors.ts";
import { ReportError } from "./report-error.ts";

/**
 * The exit codes, which scripts rely on. Where there is one, it is that of sysexits.h; an end by a signal, and by a
 * reader that went away, is 128 + the signal's number, as a shell has it.
 */
export const ExitCode = {
  success: 0,
  usage: 64,
  differs: 65,
  noInput: 66,
  unavailable: 69,
  internal: 70,
  notKept: 73,
  io: 74,
  later: 75,
  protocol: 76,
  permission: 77,
  otherDestination: 78,
  readerGone: 141,
} as const;

/** By the kind of a failure of the engine. */
const BY_KIND: Readonly<Record<string, number>> = {
  "not-found": ExitCode.noInput,
  "not-a-file": ExitCode.usage,
  "no-simd": ExitCode.usage,
  "not-direct": ExitCode.usage,
  "no-identity": ExitCode.usage,
  permission: ExitCode.permission,
  "read-only": ExitCode.permission,
  sealed: ExitCode.permission,
  busy: ExitCode.unavailable,
  locked: ExitCode.later,
  "no-memory": ExitCode.unavailable,
  "no-threads": ExitCode.unavailable,
  "beyond-end": ExitCode.protocol,
  "corrupt-block": ExitCode.protocol,
  "wrong-digest": ExitCode.protocol,
  io: ExitCode.io,
  sync: ExitCode.io,
  shrank: ExitCode.io,
};

/** By the code of the system's error, where a file cannot be opened. */
const BY_OPENING: Readonly<Record<string, number>> = {
  ENOENT: ExitCode.noInput,
  ENOTDIR: ExitCode.noInput,
  EISDIR: ExitCode.usage,
  EACCES: ExitCode.permission,
  EPERM: ExitCode.permission,
};

/** The exit code for a failure. One that nobody foresaw is a fault of this program. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof OptionError) {
    return ExitCode.usage;
  }
  if (error instanceof MissingError) {
    return ExitCode.noInput;
  }
  if (error instanceof ProtocolError) {
    return ExitCode.protocol;
  }
  if (error instanceof ReaderGoneError) {
    return ExitCode.readerGone;
  }
  if (error instanceof SyncError || error instanceof StoppedError) {
    return error.code;
  }
  if (error instanceof VerifyError) {
    return ExitCode.differs;
  }
  if (error instanceof BaseError || error instanceof CacheError) {
    return ExitCode.otherDestination;
  }
  if (error instanceof UntrustedError) {
    return ExitCode.permission;
  }
  if (error instanceof KeepError) {
    return error.copied ? ExitCode.notKept : ExitCode.io;
  }
  if (error instanceof ReportError) {
    return ExitCode.notKept;
  }
  if (error instanceof RoomError) {
    return ExitCode.io;
  }
  if (error instanceof StreamError || error instanceof SpoolError) {
    return ExitCode.io;
  }
  if (error instanceof OpenError) {
    return BY_OPENING[error.code] ?? ExitCode.io;
  }
  if (error instanceof AddonError) {
    return ExitCode.unavailable;
  }
  if (isEngineFailure(error)) {
    return isImpossibleName(error) ? ExitCode.noInput : (BY_KIND[error.kind] ?? ExitCode.internal);
  }
  return ExitCode.internal;
}

/** True if nothing can exist by the name that was to be opened. */
function isImpossibleName({ action, errno = 0 }: EngineFailure): boolean {
  const { ELOOP, ENAMETOOLONG, EISDIR } = constants.errno;
  return action === "open" && [ELOOP, ENAMETOOLONG, EISDIR].includes(errno);
}
