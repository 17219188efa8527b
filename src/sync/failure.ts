import { CopyError } from "../errors/copy-error.ts";
import { ExitCode, SIGNAL_EXIT_CODES } from "../errors/exit-codes.ts";
import { VERSION } from "../native/installation.ts";
import type { StageContext } from "../blocks/context.ts";
import type { ExitStatus } from "../transport/processes/child.ts";
import { adviceOnSaid } from "./connection/connection-advice.ts";
import { type Endpoint, nameOf } from "./connection/endpoint.ts";
import { isDone, lackOf } from "./proof.ts";
import { whereIs } from "./connection/remote-command.ts";
import type { Side } from "./side.ts";
import { withVersions } from "./versions.ts";

/** Exit codes of what connects and of the shell behind it. */
export const SSH_FAILED = 255;
export const NOT_FOUND = 127;

/** The exit codes that another host's stage may fail with: not that of a fault of the program, nor that of a reader that went away. */
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

const RUN_AGAIN = "run it again: what was written stays, and only what is missing is sent";

/** What to do where a program cannot be started because something has run out, by the name of the system's error. */
const SCARCE: Readonly<Record<string, string>> = {
  EMFILE: "raise the limit on open files (`ulimit -n`) and run it again",
  ENFILE:
    "too many files are open on this host: close some, or raise fs.file-max, and run it again",
  EAGAIN: "raise the limit on processes (`ulimit -u`, TasksMax) and run it again",
  ENOMEM: "free memory and run it again",
};

/** A copy between hosts failed. */
export class SyncError extends CopyError {
  override readonly name = "SyncError";
}

/** A program ended with exit code 0 and has not said all that success takes. */
export class UnprovedError extends SyncError {}

/** A program that has failed. */
export interface Cause {
  side: Side;
  ended: ExitStatus;
}

/**
 * What was at the beginning of a failure: not what came of it on the other side.
 *
 * @param sides the programs
 * @param ended how each of them ended, unless it was not started
 * @param first which of them failed first
 */
export function causeOf(
  sides: readonly Side[],
  ended: readonly (ExitStatus | undefined)[],
  first: number,
): Cause {
  const all = sides.flatMap((side, place) => {
    const end = ended[place];
    return end === undefined ? [] : [{ side, ended: end, place }];
  });
  all.sort((a, b) => Number(b.place === first) - Number(a.place === first));
  const own = all.find(
    ({ side, place }) =>
      side.error?.consequence === false && (place === first || !wasTold(side.error.code)),
  );
  const silent = all.find(({ side, ended: end }) => side.error === undefined && !isDone(side, end));
  const cause = own ?? silent ?? all[0];
  if (cause === undefined) {
    throw new TypeError("nothing has run, so nothing has failed");
  }
  return cause;
}

/** True for the exit code of a stage that was told to end by a signal, as this program tells all others when one has failed. */
function wasTold(code: number): boolean {
  return code > 128;
}

/** A failure in words; what else came from there goes to `warn`. */
export function failureOf({ side, ended }: Cause, warn: StageContext["warn"]): SyncError {
  // The last line is in the message; of a failure that the stage has told of itself, all are in front of it.
  for (const line of side.error === undefined ? side.said.slice(0, -1) : side.said) {
    warn(`${whereIs(side.end)}: ${line}`);
  }
  return errorOf(side, ended);
}

function errorOf(side: Side, ended: ExitStatus): SyncError {
  const { end, error } = side;
  const where = whereIs(end);
  if (error !== undefined) {
    const on = end.kind === "local" ? "" : `on ${where}: `;
    const { message, advice } = withVersions(side, error);
    if (error.foreign === true && side.other?.kind === "remote") {
      return foreignError(side.other, message, error.code);
    }
    const code = codeOf(side, error.code);
    return error.consequence === true
      ? new SyncError(`${on}${message} (${endedFirst(side)})`, RUN_AGAIN, code)
      : new SyncError(`${on}${message}`, advice, code);
  }
  const lack = "code" in ended && ended.code === 0 ? lackOf(side) : undefined;
  if (lack !== undefined) {
    return new UnprovedError(`${lack.message}${lastOf(side.said)}`, lack.advice, ExitCode.protocol);
  }
  return side.hello !== undefined ? cutOff(side, ended) : notStarted(side, ended);
}

/** The exit code for a failure that a stage has told. One on another host may say anything: 70 is for faults of this program alone. */
function codeOf({ end }: Side, code: number): number {
  // That its reader has gone is true of the stage, and not of this program.
  if (code === ExitCode.readerGone) {
    return ExitCode.later;
  }
  if (end.kind === "local" || STAGE_CODES.has(code)) {
    return code;
  }
  return code === ExitCode.internal ? ExitCode.unavailable : ExitCode.protocol;
}

/** Names the stage whose end a failure follows from, where that has not said why it ended. */
function endedFirst({ role, other }: Side): string {
  const where = other === undefined ? "" : ` on ${whereIs(other)}`;
  return `the stage at the ${role === "source" ? "destination" : "source"}${where} ended first, without saying why`;
}

/** What a stage has read came from another host, and from no stage there. */
function foreignError(other: Endpoint, message: string, code: number): SyncError {
  const where = whereIs(other);
  return new SyncError(
    `what comes from ${where} is not what blockcopy writes there: ${message}`,
    `see that \`ssh ${where} true\` prints nothing: a profile or wrapper there may write to standard output, or the account may run no commands (nologin, sftp only, a forced command)`,
    code,
  );
}

/** A stage that has not said a word: it, or what was to run it, is not there. */
function notStarted(side: Side, ended: ExitStatus): SyncError {
  const { end, said, reach } = side;
  const where = whereIs(end);
  const last = lastOf(said);
  if ("failed" in ended) {
    return new SyncError(
      `the program that connects to ${where} cannot be started (${ended.failed})`,
      SCARCE[ended.failed] ?? "install ssh, or give another with --rsh",
      ExitCode.unavailable,
    );
  }
  if ("code" in ended && ended.code === SSH_FAILED) {
    return connectionError(side);
  }
  return new SyncError(
    `blockcopy cannot be run on ${where}${last === "" ? ` (${howEnded(ended)})` : last}`,
    adviceOnStart(said, reach, nameOfHost(end)),
    ExitCode.unavailable,
  );
}

/** What to do about a program that ended before it said a word of its own. */
function adviceOnStart(said: readonly string[], reach: string, host: string): string {
  // argparse of blockcopy.py, which does not know what only this program has.
  if (said.some((line) => /unrecognized arguments: |invalid choice: '?receive/.test(line))) {
    return `if that is blockcopy 0.0.2, use --wire 0.0.2, or install ${VERSION} there`;
  }
  if (said.length === 0) {
    return `see what \`${reach} true\` prints: the account may be one that runs no commands (nologin, sftp only, a forced command)`;
  }
  return (
    adviceOnSaid(said, { reach, host }) ??
    `look at what it says, and try \`${reach} blockcopy --version\``
  );
}

/** There is no way to a host. */
export function connectionError({
  end,
  said,
  reach,
}: Pick<Side, "end" | "said" | "reach">): SyncError {
  // A name with a colon may have been meant as a file.
  const bare = end.kind === "remote" && end.user === undefined && end.port === undefined;
  const here = bare ? `; for a file here, give ./${nameOf(end)}` : "";
  const advice = adviceOnSaid(said, { reach, host: nameOfHost(end) }) ?? `try \`${reach} true\``;
  return new SyncError(
    `no connection to ${whereIs(end)}${lastOf(said)}`,
    `${advice}${here}`,
    ExitCode.unavailable,
  );
}

function nameOfHost(end: Endpoint): string {
  return end.kind === "local" ? "this host" : end.host;
}

/** A stage that ran, and ended without saying why. */
function cutOff({ end, role, said }: Side, ended: ExitStatus): SyncError {
  const where = whereIs(end);
  const dropped = "code" in ended && ended.code === SSH_FAILED;
  const how = dropped
    ? `the connection to ${where}, or the stage there, has gone`
    : `the stage at the ${role} on ${where} ended without a word (${howEnded(ended)})`;
  return new SyncError(`${how}${lastOf(said)}`, RUN_AGAIN, ExitCode.later);
}

function howEnded(ended: ExitStatus): string {
  if ("signal" in ended) {
    return ended.signal;
  }
  return "code" in ended ? `code ${ended.code}` : ended.failed;
}

function lastOf(said: readonly string[]): string {
  const last = said.at(-1);
  return last === undefined ? "" : `: ${last}`;
}
