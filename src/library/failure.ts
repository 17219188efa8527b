import { constants } from "node:os";

import { ExitCode } from "../errors/exit-codes.ts";
import { BlockcopyError, type ErrorCode } from "./error.ts";

/** End of the process that has done the work. */
export interface Ended {
  /** Its exit code; null if a signal has killed it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The reason why it could not be started. */
  unstarted: Error | undefined;
}

/** Everything that is known when an operation has failed. */
export interface Failure {
  command: string;
  ended: Ended;
  /** Its last event. */
  error: { message: string; advice: string } | undefined;
  /** The last line that it has printed apart from events. */
  lastLine: string | undefined;
  /** The signal that the caller has given. */
  signal: AbortSignal | undefined;
  /** The error of the input stream, if that has failed. */
  inputError: Error | undefined;
}

/** The code for each exit code. */
const CODES: Readonly<Record<Exclude<keyof typeof ExitCode, "success" | "different">, ErrorCode>> =
  {
    usage: "USAGE",
    differs: "DIFFERS",
    noInput: "NO_INPUT",
    unavailable: "UNAVAILABLE",
    internal: "INTERNAL",
    notKept: "NOT_KEPT",
    io: "IO",
    later: "LATER",
    protocol: "PROTOCOL",
    permission: "PERMISSION",
    otherDestination: "OTHER_DESTINATION",
    incompleteMap: "INCOMPLETE_MAP",
    readerGone: "READER_GONE",
  };

/** Words for an abort that came before the process could say anything. */
const BEFORE_IT_BEGAN = {
  message: "the operation was aborted before it began",
  advice: "start it again",
};

/** Asks for a bug report. */
export const REPORT = "this is a fault of blockcopy: please report it";

/** Makes the error of an operation whose process has ended. */
export function errorOf(failure: Failure): BlockcopyError {
  const { ended, signal, inputError } = failure;
  const exitCode = exitCodeOf(ended);
  // A failed sync takes precedence over the abort that came before it.
  if (signal?.aborted === true && exitCode === 128 + constants.signals.SIGTERM) {
    const { message, advice } = failure.error ?? BEFORE_IT_BEGAN;
    const cause: unknown = signal.reason;
    return new BlockcopyError(message, { code: "ABORTED", exitCode, advice, cause });
  }
  if (inputError !== undefined) {
    return new BlockcopyError(`the input stream has failed: ${inputError.message}`, {
      code: "INPUT_FAILED",
      exitCode,
      advice: "look for the reason where the stream comes from",
      cause: inputError,
    });
  }
  const { message, advice } = wordsOf(failure);
  return new BlockcopyError(message, { code: codeOf(exitCode), exitCode, advice });
}

/** Returns the exit code as a shell would report it. */
function exitCodeOf({ code, signal, unstarted }: Ended): number {
  if (unstarted !== undefined) {
    return ExitCode.unavailable;
  }
  // Without an error it would be a success: the process has not said that it is done.
  return code === null ? 128 + constants.signals[signal ?? "SIGKILL"] : code || ExitCode.internal;
}

function codeOf(exitCode: number): ErrorCode {
  const names = Object.keys(CODES) as (keyof typeof CODES)[];
  const name = names.find((known) => ExitCode[known] === exitCode);
  return name === undefined ? (exitCode > 128 ? "SIGNALLED" : "INTERNAL") : CODES[name];
}

function wordsOf({ command, ended, error, lastLine }: Failure): {
  message: string;
  advice: string;
} {
  if (error !== undefined) {
    return error;
  }
  const { code, signal, unstarted } = ended;
  if (unstarted !== undefined) {
    return {
      message: `cannot start blockcopy ${command}: ${unstarted.message}`,
      advice: "look at the limits on processes, open files and memory (`ulimit -a`)",
    };
  }
  // The program could not start, and has said so in a line for people.
  const [, what, advice] = /^ERROR \(\w+\): (.*); (.*?)$/.exec(lastLine ?? "") ?? [];
  if (what !== undefined && advice !== undefined) {
    return { message: what, advice };
  }
  const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
  const said = lastLine === undefined ? "" : `; it has printed: ${lastLine}`;
  return {
    message: `blockcopy ${command} ${how} without a reason${said}`,
    advice: signal === null ? REPORT : "look for what sent the signal, and run it again",
  };
}
