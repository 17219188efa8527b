import { ExitCode } from "./exit-codes.ts";

/**
 * A failure as the person who runs the program sees it: `message` says what failed and why, `advice` what to do about it, `exitCode` what a script gets.
 * All failures that this program foresees are of this class, except those of the protocol and of the engine, which know nothing of exit codes ({@link exitCodeOf}).
 */
export class CopyError extends Error {
  override readonly name: string = "CopyError";

  /** What to do about it. */
  readonly advice: string;

  /** The exit code of the process that fails because of it. */
  readonly exitCode: number;

  constructor(message: string, advice: string, exitCode: number) {
    super(message);
    this.advice = advice;
    this.exitCode = exitCode;
  }
}

/** A command was asked for something that it cannot do. */
export class UsageError extends CopyError {
  override readonly name = "UsageError";

  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.usage);
  }
}

/** All that was asked for is done, but could not be reported where it was to be. */
export class ReportError extends CopyError {
  override readonly name = "ReportError";

  /** `what` could not be written, for this reason. */
  constructor(
    what: string,
    reason: string,
    advice = "give the name of a file where one can be made and replaced, or make room there",
  ) {
    super(
      `${what} could not be written: ${reason}`,
      `all else is done; ${advice}`,
      ExitCode.notKept,
    );
  }
}
