import { ExitCode } from "../../errors/exit-codes.ts";
import type { ExitStatus } from "../../transport/processes/child.ts";
import type { Side } from "../side.ts";

/** Matches the last line of a stage of blockcopy 0.0.2 that has failed. */
const FAILED = /^ERROR \(/;

/** Matches the error number in both forms in which Python prints an exception. */
const ERRNO = /\[Errno (\d+)\]|Error\((\d+), /;

/** Matches messages of a stage whose neighbour has gone. */
const CONSEQUENCE =
  /was closed unexpectedly|[Ii]ncomplete read of|Received no done command|Broken pipe|no process reads/;

/** Matches the last line of a stage of this version: message and advice. */
const OWN = /^(.*?); (.*)$/;

/** Options that `--wire 0.0.2` refuses, in the advice of a stage of this version. */
const REFUSED = /--(?:create|sparse|truncate|lock|verify|digest|streams|extended)\b/;

const NEXT_STAGE_ENDED = "the stage after this one has ended";
const ADVICE =
  "check that message, then run it again: what was written stays, and only what is missing is sent";

/** Exit codes for EPERM, ENOENT, EACCES, EBUSY and EROFS. Any other error number is an I/O error. */
const BY_ERRNO: Readonly<Record<string, number>> = {
  1: ExitCode.permission,
  2: ExitCode.noInput,
  13: ExitCode.permission,
  16: ExitCode.unavailable,
  30: ExitCode.permission,
};

/**
 * Turns the last lines of a stage of blockcopy 0.0.2 into the error that a stage of this version would have reported. A stage that was cut
 * off has printed nothing and gets no error.
 */
export function explainLegacyFailure(side: Side, status: ExitStatus): void {
  const { error, hello, lastLines } = side;
  if (error !== undefined || !hello || !("code" in status) || status.code === 0) {
    return;
  }
  const { code } = status;
  const line = lastLines.filter((text) => FAILED.test(text)).at(-1);
  if (code > 127 && code !== ExitCode.readerGone) {
    return;
  }
  if (line === undefined && code !== ExitCode.readerGone) {
    side.error = {
      event: "error",
      message: `blockcopy 0.0.2 cannot be run: ${lastLines.pop() ?? `code ${code}`}`,
      advice: "install it there, or give its command with --remote-command",
      code: ExitCode.unavailable,
      consequence: false,
    };
    return;
  }
  // The lines before it are a Python traceback.
  lastLines.length = 0;
  // This version prints advice too.
  const [, what = NEXT_STAGE_ENDED, advice = ADVICE] =
    (isOwn(code) ? OWN : /^(.*)$/).exec(line ?? NEXT_STAGE_ENDED) ?? [];
  side.error = {
    event: "error",
    message: `${side.end.path}: ${what}`,
    advice: REFUSED.test(advice) ? instead(code) : advice,
    code: codeOf(what, code),
    consequence: code === ExitCode.readerGone || CONSEQUENCE.test(what),
  };
}

/** Returns advice in the place of one that names an option that is refused here. */
function instead(code: number): string {
  return code === ExitCode.noInput
    ? "check the name; if the file is to be made, make it there first (`truncate -s SIZE FILE`, as large as the source)"
    : ADVICE;
}

function codeOf(message: string, code: number): number {
  if (isOwn(code)) {
    return code;
  }
  const [, text, exception] = ERRNO.exec(message) ?? [];
  const errno = text ?? exception;
  return errno === undefined ? ExitCode.protocol : (BY_ERRNO[errno] ?? ExitCode.io);
}

/** True for an exit code that this version uses and 0.0.2 does not. */
function isOwn(code: number): boolean {
  return code >= 64 && code <= 78;
}
