import { ExitCode } from "../../errors/exit-codes.ts";
import { VERSION } from "../../native/installation.ts";
import type { ExitStatus } from "../../transport/processes/child.ts";
import type { Side } from "../side.ts";
import { SyncError } from "../failures/sync-error.ts";
import { adviceOnOutput } from "./connection-advice.ts";
import { type Endpoint, hostLabel, nameOf } from "./endpoint.ts";

/** Exit code of ssh when the connection fails. */
export const SSH_FAILED = 255;

/** Exit code of a shell for a command that it cannot find. */
export const NOT_FOUND = 127;

/** Advice for the system's errors that mean a resource has run out. */
const ADVICE_ON_RESOURCE: Readonly<Record<string, string>> = {
  EMFILE: "raise the limit on open files (`ulimit -n`) and run it again",
  ENFILE:
    "too many files are open on this host: close some, or raise fs.file-max, and run it again",
  EAGAIN: "raise the limit on processes (`ulimit -u`, TasksMax) and run it again",
  ENOMEM: "free memory and run it again",
};

/** Explains why a program ended before its stage said hello. */
export function notStarted(side: Side, status: ExitStatus): SyncError {
  const { end, lastLines, loginCommand } = side;
  const where = hostLabel(end);
  if ("failed" in status) {
    return new SyncError(
      `the program that connects to ${where} cannot be started (${status.failed})`,
      ADVICE_ON_RESOURCE[status.failed] ?? "install ssh, or name another program with --rsh",
      ExitCode.unavailable,
    );
  }
  if ("code" in status && status.code === SSH_FAILED) {
    return noConnection(side);
  }
  const reason = lastLines.length === 0 ? ` (${statusText(status)})` : lastOf(lastLines);
  return new SyncError(
    `blockcopy cannot be run on ${where}${reason}`,
    // The program has ended here, without a word: the stage, or, by a signal, what connects.
    (end.kind === "local" || "signal" in status) && lastLines.length === 0
      ? "run it again; if that happens again, look for the reason in the log of this host (dmesg)"
      : adviceOnStart(lastLines, loginCommand, hostName(end)),
    ExitCode.unavailable,
  );
}

/** Explains why a host cannot be reached. */
export function noConnection({
  end,
  lastLines,
  loginCommand,
}: Pick<Side, "end" | "lastLines" | "loginCommand">): SyncError {
  // ssh tells why it cannot connect. It ends with the same code, without a word, if the program there is killed.
  const isSilent = lastLines.length === 0;
  const advice =
    adviceOnOutput(lastLines, { loginCommand, host: hostName(end) }) ??
    `try \`${loginCommand} true\`${isSilent ? "; if that works, look for what was killed there (dmesg), and run it again" : ""}`;
  // A file name with a colon may have been taken for a host.
  const mayBeFile = end.kind === "remote" && end.user === undefined && end.port === undefined;
  return new SyncError(
    `no connection to ${hostLabel(end)}${isSilent ? ", or the program there was killed before it said anything" : lastOf(lastLines)}`,
    mayBeFile ? `${advice}; for a file here, give ./${nameOf(end)}` : advice,
    ExitCode.unavailable,
  );
}

/** Returns an exit status in words. */
export function statusText(status: ExitStatus): string {
  if ("signal" in status) {
    return status.signal;
  }
  return "code" in status ? `code ${status.code}` : status.failed;
}

/** Returns the last line after a colon, without the full stop at its end, because advice follows; empty without lines. */
export function lastOf(lines: readonly string[]): string {
  const last = lines.at(-1);
  return last === undefined ? "" : `: ${last.replace(/(?<!\.)\.$/, "")}`;
}

function adviceOnStart(lastLines: readonly string[], loginCommand: string, host: string): string {
  // The messages of argparse in blockcopy.py for arguments that it does not know.
  if (lastLines.some((line) => /unrecognized arguments: |invalid choice: '?receive/.test(line))) {
    return `if that is blockcopy 0.0.2, use --wire 0.0.2, or install ${VERSION} there`;
  }
  if (lastLines.length === 0) {
    return `check what \`${loginCommand} true\` prints: the account may not be allowed to run commands (nologin, sftp only, a forced command)`;
  }
  return (
    adviceOnOutput(lastLines, { loginCommand, host }) ??
    `check that message, and try \`${loginCommand} blockcopy --version\``
  );
}

function hostName(end: Endpoint): string {
  return end.kind === "local" ? "this host" : end.host;
}
