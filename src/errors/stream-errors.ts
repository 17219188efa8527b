import { getSystemErrorMap } from "node:util";

import { CopyError } from "./copy-error.ts";
import { ExitCode } from "./exit-codes.ts";

/** Exit codes by the system's error, where a file cannot be opened. */
const OPEN_CODES: Readonly<Record<string, number>> = {
  ENOENT: ExitCode.noInput,
  ENOTDIR: ExitCode.noInput,
  EISDIR: ExitCode.usage,
  EACCES: ExitCode.permission,
  EPERM: ExitCode.permission,
};

/** Nobody will ever read what is written to a stream: the process behind it has ended. */
export class ReaderGoneError extends CopyError {
  override readonly name = "ReaderGoneError";

  constructor(message: string) {
    super(message, "look at the messages of the stage that reads it", ExitCode.readerGone);
  }
}

/** Reading or writing one of the standard streams failed. */
export class StreamError extends CopyError {
  override readonly name = "StreamError";

  /** Name of the system's error, as `ENOSPC`. */
  readonly code: string;

  constructor(action: string, code: string, bytes: number) {
    super(
      `${action} failed after ${bytes} bytes: ${describe(code)} (${code})`,
      code === "ENOSPC"
        ? "make room where the stream is written to and run again"
        : "check what the stream is connected to and run again",
      ExitCode.io,
    );
    this.code = code;
  }
}

/** A file that a stream was kept in cannot be opened. */
export class OpenError extends CopyError {
  override readonly name = "OpenError";

  /** Name of the system's error, as `ENOENT`. */
  readonly code: string;

  constructor(path: string, code: string) {
    super(
      `cannot open ${path}: ${describe(code)} (${code})`,
      code === "EACCES" || code === "EPERM"
        ? "run as a user who may read it"
        : "give the name of a file that holds a stream",
      OPEN_CODES[code] ?? ExitCode.io,
    );
    this.code = code;
  }
}

/** Name of the system's error, for what Node's file functions throw. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

/** What a system's error means, in words. */
export function describe(code: string): string {
  for (const [name, text] of getSystemErrorMap().values()) {
    if (name === code) {
      return text;
    }
  }
  return "system error";
}
