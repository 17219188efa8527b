import { ExitCode } from "./exit-codes.ts";

/**
 * An expected failure: `message` says what failed and why, `advice` what to do about it, `exitCode` is for scripts. Failures of
 * the protocol and of the engine have classes of their own, without exit codes ({@link exitCodeOf}).
 */
export class CopyError extends Error {
  override readonly name: string = "CopyError";

  readonly advice: string;

  readonly exitCode: number;

  constructor(message: string, advice: string, exitCode: number) {
    super(message);
    this.advice = advice;
    this.exitCode = exitCode;
  }
}

/** A command cannot do what was requested. */
export class UsageError extends CopyError {
  override readonly name = "UsageError";

  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.usage);
  }
}

/** All work is done, but a report of it could not be written. */
export class ReportError extends CopyError {
  override readonly name = "ReportError";

  /** @param what the report that could not be written */
  constructor(
    what: string,
    reason: string,
    advice = "give a file name in a folder where files can be created and replaced, or free space there",
  ) {
    super(
      `${what} could not be written: ${reason}`,
      `all else is done; ${advice}`,
      ExitCode.notKept,
    );
  }
}
