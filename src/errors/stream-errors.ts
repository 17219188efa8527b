import { getSystemErrorMap } from "node:util";

/** Nobody will ever read what is written to a stream: the process behind it has ended. */
export class ReaderGoneError extends Error {
  override readonly name = "ReaderGoneError";
}

/** Reading or writing one of the standard streams failed. */
export class StreamError extends Error {
  override readonly name = "StreamError";

  /** Name of the system's error, as `ENOSPC`. */
  readonly code: string;

  constructor(action: string, code: string, bytes: number) {
    super(`${action} failed after ${bytes} bytes: ${describe(code)} (${code})`);
    this.code = code;
  }
}

/** A file that a stream was kept in cannot be opened. */
export class OpenError extends Error {
  override readonly name = "OpenError";

  /** Name of the system's error, as `ENOENT`. */
  readonly code: string;

  constructor(path: string, code: string) {
    super(`cannot open ${path}: ${describe(code)} (${code})`);
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
