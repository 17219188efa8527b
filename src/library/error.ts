/** Reasons for a failure, as constants; docs/library.md lists them with their exit codes. */
export type ErrorCode =
  | "USAGE"
  | "DIFFERS"
  | "NO_INPUT"
  | "UNAVAILABLE"
  | "INTERNAL"
  | "NOT_KEPT"
  | "IO"
  | "LATER"
  | "PROTOCOL"
  | "PERMISSION"
  | "OTHER_DESTINATION"
  | "INCOMPLETE_MAP"
  | "READER_GONE"
  | "INPUT_FAILED"
  | "ABORTED"
  | "SIGNALLED";

/** The error of an operation that has failed or was aborted. */
export class BlockcopyError extends Error {
  /** `AbortError` after an abort, as with the functions of Node. */
  override readonly name: "BlockcopyError" | "AbortError";
  readonly code: ErrorCode;
  /** The exit code of the command in the same case. */
  readonly exitCode: number;
  /** Advice for a person. */
  readonly advice: string;

  constructor(
    message: string,
    details: { code: ErrorCode; exitCode: number; advice: string; cause?: unknown },
  ) {
    const { code, exitCode, advice, cause } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.name = code === "ABORTED" ? "AbortError" : "BlockcopyError";
    this.code = code;
    this.exitCode = exitCode;
    this.advice = advice;
  }
}
