import { ExitCode, SIGNAL_EXIT_CODES } from "../../errors/exit-codes.ts";
import { WRITTEN_STAYS } from "../../errors/system-advice.ts";
import type { StageContext } from "../../blocks/context.ts";
import type { ExitStatus } from "../../transport/processes/child.ts";
import type { Cause } from "./which-failed.ts";
import { lastOf, notStarted, SSH_FAILED, statusText } from "../connection/connection-failure.ts";
import { type Endpoint, hostLabel } from "../connection/endpoint.ts";
import { missingProof } from "./proof.ts";
import type { Side } from "../side.ts";
import { SyncError, UnprovedError } from "./sync-error.ts";
import { withVersions } from "./versions.ts";

/** Exit codes that a stage on another host may fail with. A fault of the program and a reader that has gone are translated. */
const STAGE_CODES: ReadonlySet<number> = new Set([
  ExitCode.usage,
  ExitCode.differs,
  ExitCode.noInput,
  ExitCode.unavailable,
  ExitCode.notKept,
  ExitCode.io,
  ExitCode.later,
  ExitCode.protocol,
  ExitCode.permission,
  ExitCode.otherDestination,
  ...SIGNAL_EXIT_CODES,
]);

/** Makes the error for a copy that failed. Further output of the failed program goes to `warn`. */
export function failureOf({ side, status }: Cause, warn: StageContext["warn"]): SyncError {
  // The last line is part of the message, unless the stage has reported an error of its own.
  const lines = side.error === undefined ? side.lastLines.slice(0, -1) : side.lastLines;
  for (const line of lines) {
    warn(`${hostLabel(side.end)}: ${line}`);
  }
  if (side.error !== undefined) {
    return reportedError(side, side.error);
  }
  if (side.silence !== undefined) {
    return side.silence;
  }
  const missing = "code" in status && status.code === 0 ? missingProof(side) : undefined;
  if (missing !== undefined) {
    const message = `${missing.message}${lastOf(side.lastLines)}`;
    return new UnprovedError(message, missing.advice, ExitCode.protocol);
  }
  return side.hello === undefined ? notStarted(side, status) : cutOff(side, status);
}

/** Passes on the error that a stage has reported. */
function reportedError(side: Side, error: NonNullable<Side["error"]>): SyncError {
  const { end, other } = side;
  const { message, advice } = withVersions(side, error);
  if (error.foreign === true && other?.end.kind === "remote") {
    return notBlockcopyError(other, message, error.code);
  }
  const on = end.kind === "local" ? "" : `on ${hostLabel(end)}: `;
  const code = exitCodeFor(end, error.code);
  if (error.consequence !== true) {
    return new SyncError(`${on}${message}`, advice, code);
  }
  // Both ends of a direct connection that is cut on the way notice that, and neither has ended first.
  const why = error.tunnelLost === true ? "" : ` (${endedFirst(side)})`;
  return new SyncError(`${on}${message}${why}`, WRITTEN_STAYS, code);
}

/**
 * Translates the exit code that a stage has reported. A stage on another host may report any number, and 70 is reserved for faults of this
 * program.
 */
function exitCodeFor(end: Endpoint, code: number): number {
  // The reader of the stage has gone, not the reader of this program.
  if (code === ExitCode.readerGone) {
    return ExitCode.later;
  }
  if (end.kind === "local" || STAGE_CODES.has(code)) {
    return code;
  }
  return code === ExitCode.internal ? ExitCode.unavailable : ExitCode.protocol;
}

/** Names the stage at the other end, which ended without an error message and so made this side fail. */
function endedFirst({ role, other }: Side): string {
  const where = other === undefined ? "" : ` on ${hostLabel(other.end)}`;
  return `the stage at the ${role === "source" ? "destination" : "source"}${where} ended first, without saying why`;
}

/** The input of a stage came from something else than a stage on another host. */
function notBlockcopyError(
  { end, loginCommand }: NonNullable<Side["other"]>,
  message: string,
  code: number,
): SyncError {
  return new SyncError(
    `the stream from ${hostLabel(end)} was not written by blockcopy: ${message}`,
    `make sure that \`${loginCommand} true\` prints nothing: a profile or wrapper there may write to standard output, or the account may not be allowed to run commands (nologin, sftp only, a forced command)`,
    code,
  );
}

/** Explains the end of a stage that was running, and reported no error. */
export function cutOff({ end, role, lastLines, silence }: Side, status: ExitStatus): SyncError {
  if (silence !== undefined) {
    return silence;
  }
  const where = hostLabel(end);
  // The status is that of the program here which connects to the host. A signal has reached that, and not the stage.
  const connection = end.kind === "remote" && "signal" in status ? status.signal : undefined;
  const message =
    connection !== undefined
      ? `the connection to ${where} was lost: the program here that connects to it was ended by ${connection}`
      : "code" in status && status.code === SSH_FAILED
        ? `the connection to ${where} was lost, or the stage there was killed`
        : `the stage at the ${role} on ${where} ended without an error message (${statusText(status)})`;
  return new SyncError(`${message}${lastOf(lastLines)}`, WRITTEN_STAYS, ExitCode.later);
}
