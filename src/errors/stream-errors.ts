import { getSystemErrorMap } from "node:util";

import { CopyError } from "./copy-error.ts";
import { ExitCode } from "./exit-codes.ts";
import { messageOf } from "./message-of.ts";

/** Exit codes by system error, for a file that cannot be opened. */
const OPEN_CODES: Readonly<Record<string, number>> = {
  ENOENT: ExitCode.noInput,
  ENOTDIR: ExitCode.noInput,
  EISDIR: ExitCode.usage,
  EACCES: ExitCode.permission,
  EPERM: ExitCode.permission,
};

/** Advice on a failed read or write of a stream, by system error. */
const STREAM_ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: "free space where the stream is written to and run it again",
  EDQUOT:
    "raise the quota of where the stream is written to (`quota`, `repquota`) and run it again",
  EFBIG: "raise the limit on the size of files (`ulimit -f`) and run it again",
};

/**
 * System errors of Linux without a name in libuv, which calls them `Unknown system error -122`; and the one that it only knows of sockets,
 * as ENOTSUP.
 */
const UNNAMED: Readonly<Record<number, readonly [code: string, description: string]>> = {
  62: ["ETIME", "timer expired"],
  67: ["ENOLINK", "link has been severed"],
  74: ["EBADMSG", "bad message"],
  95: ["EOPNOTSUPP", "operation not supported"],
  116: ["ESTALE", "stale file handle"],
  117: ["EUCLEAN", "structure needs cleaning"],
  122: ["EDQUOT", "disk quota exceeded"],
  123: ["ENOMEDIUM", "no medium found"],
  126: ["ENOKEY", "required key not available"],
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
      STREAM_ADVICE[code] ?? "check what the stream is connected to and run it again",
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
  if (!(error instanceof Error && "code" in error && typeof error.code === "string")) {
    return undefined;
  }
  const number =
    error.code === "ENOTSUP" ? 95 : Number(/^Unknown system error -(\d+)$/.exec(error.code)?.[1]);
  const known = process.platform === "linux" ? UNNAMED[number] : undefined;
  return known?.[0] ?? error.code;
}

/** Calls the engine; its system errors get the name as `code`, as those of Node have it. */
export function withCode<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    const code = getSystemErrorMap().get(-(errno ?? 0))?.[0];
    throw Object.assign(error as Error, code && { code });
  }
}

/** Returns the words for a system error, with its name, and those of any other error. */
export function systemReason(error: unknown): string {
  const code = systemCode(error);
  return code === undefined ? messageOf(error) : `${describe(code)} (${code})`;
}

/** A call of the system that one of Node's functions made, and that failed. */
export interface FailedCall {
  /** The call and the error in words. */
  message: string;
  /** The file, if the function was given one. */
  path: string;
  /** The error number, as in errno(3). */
  errno: number;
}

/** Returns the call of the system that has failed; undefined for any other error. */
export function failedCall(error: unknown): FailedCall | undefined {
  const code = systemCode(error);
  if (code === undefined) {
    return undefined;
  }
  const { syscall, errno, path } = error as NodeJS.ErrnoException;
  if (syscall === undefined || errno === undefined) {
    return undefined;
  }
  const where = path === undefined ? "" : ` of ${path}`;
  const message = `the system call ${syscall}${where} failed: ${describe(code)} (${code})`;
  return { message, path: path ?? "", errno: -errno };
}

/** Returns the description of a system error. */
export function describe(code: string): string {
  const named = [...getSystemErrorMap().values(), ...Object.values(UNNAMED)];
  return named.find(([name]) => name === code)?.[1] ?? "system error";
}
