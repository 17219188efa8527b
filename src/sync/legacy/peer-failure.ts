import { ExitCode } from "../../errors/exit-codes.ts";
import type { ExitStatus } from "../../transport/processes/child.ts";
import type { Side } from "../side.ts";

/** The last line of a stage of blockcopy 0.0.2 that has failed. */
const FAILED = /^ERROR \(/;

/** The number of the system's error, as Python writes an exception for people and for programmers. */
const ERRNO = /\[Errno (\d+)\]|Error\((\d+), /;

/** What is said when another stage has gone away. */
const CONSEQUENCE =
  /was closed unexpectedly|Incomplete read of|Received no done command|Broken pipe|nobody reads/;

/** The last line of a stage of this program: what, and what to do. */
const OWN = /^(.*?); (.*)$/;

const AFTER = "the stage after this one has ended";
const ADVICE =
  "look at that, then run it again: what was written stays, and only what is missing is sent";

/** By the number of the system's error: EPERM, ENOENT, EACCES, EBUSY, EROFS; any other is one of I/O. */
const BY_ERRNO: Readonly<Record<string, number>> = {
  1: ExitCode.permission,
  2: ExitCode.noInput,
  13: ExitCode.permission,
  16: ExitCode.unavailable,
  30: ExitCode.permission,
};

/**
 * Makes of what a stage of blockcopy 0.0.2 has printed the failure that a stage of this program would have told. One that was cut off has
 * said nothing, and stays as it is.
 */
export function explainPeer(side: Side, ended: ExitStatus): void {
  const { error, hello, said } = side;
  if (error !== undefined || !hello || !("code" in ended) || ended.code === 0) {
    return;
  }
  const { code } = ended;
  const line = said.findLast((text) => FAILED.test(text));
  if (code > 127 && code !== ExitCode.readerGone) {
    return;
  }
  if (line === undefined && code !== ExitCode.readerGone) {
    side.error = {
      event: "error",
      message: `blockcopy 0.0.2 cannot be run: ${said.pop() ?? `code ${code}`}`,
      advice: "install it there, or say with --remote-command how it is called",
      code: ExitCode.unavailable,
      consequence: false,
    };
    return;
  }
  // What comes before it is for those who look for a fault in it.
  said.length = 0;
  // A newer program says what to do.
  const [, what = AFTER, advice = ADVICE] =
    (isOwn(code) ? OWN : /^(.*)$/).exec(line ?? AFTER) ?? [];
  side.error = {
    event: "error",
    message: `${side.end.path}: ${what}`,
    advice,
    code: codeOf(what, code),
    consequence: code === ExitCode.readerGone || CONSEQUENCE.test(what),
  };
}

function codeOf(message: string, code: number): number {
  if (isOwn(code)) {
    return code;
  }
  const [, text, exception] = ERRNO.exec(message) ?? [];
  const errno = text ?? exception;
  return errno === undefined ? ExitCode.protocol : (BY_ERRNO[errno] ?? ExitCode.io);
}

/** Whether an exit code is one that this program has and 0.0.2 has not. */
function isOwn(code: number): boolean {
  return code >= 64 && code <= 78;
}
