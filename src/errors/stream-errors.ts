import { getSystemErrorMap } from "node:util";

import { CopyError } from "./copy-error.ts";
import { ExitCode } from "./exit-codes.ts";

/** Exit codes by system error, for a file that cannot be opened. */
const OPEN_CODES: Readonly<Record<string, number>> = {
  ENOENT: ExitCode.noInput,
  ENOTDIR: ExitCode.noInput,
  EISDIR: ExitCode.usage,
  EACCES: ExitCode.permission,
  EPERM: ExitCode.permission,
};

/** The process that reads an output stream has ended. */
export class ReaderGoneError extends CopyError {
  override readonly name = "ReaderGoneError";

  constructor(message: string) {
    super(message, "look at the messages of the stage that reads it", ExitCode.readerGone);
  }
}

/** Reading or writing one of the standard streams failed. */
export class StreamError extends CopyError {
  override readonly name = "StreamError";

  /** Name of the system error, such as `ENOSPC`. */
  readonly code: string;

  constructor(action: string, code: string, bytes: number) {
    super(
      `${action} failed after ${bytes} bytes: ${describe(code)} (${code})`,
      code === "ENOSPC"
        ? "free space where the stream is written to and run it again"
        : "check what the stream is connected to and run it again",
      ExitCode.io,
    );
    this.code = code;
  }
}

/** A file that contains a stream cannot be opened. */
export class OpenError extends CopyError {
  override readonly name = "OpenError";

  /** Name of the system error, such as `ENOENT`. */
  readonly code: string;

  constructor(path: string, code: string) {
    super(
      `cannot open ${path}: ${describe(code)} (${code})`,
      code === "EACCES" || code === "EPERM"
        ? "run it as a user who may read it"
        : "give the name of a file that contains a stream",
      OPEN_CODES[code] ?? ExitCode.io,
    );
    this.code = code;
  }
}

/** Returns the name of the system error, for errors of Node's file functions. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

/** Returns the description of a system error. */
export function describe(code: string): string {
  for (const [name, text] of getSystemErrorMap().values()) {
    if (name === code) {
      return text;
    }
  }
  return "system error";
}
