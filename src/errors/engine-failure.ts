/** What the engine says of a failure, besides its message. */
export interface EngineFailure extends Error {
  /** Kind of failure: `not-found`, `busy`, `io`, `sync`, … (`code()` of the engine's errors). */
  kind: string;
  /** The file or device. */
  path?: string;
  /** The action that failed: `open`, `read`, `write`, `sync`, … */
  action?: string;
  /** Where in it, in bytes. */
  offset?: number;
  /** Error number of the system call that failed. */
  errno?: number;
}

/** Whether an error comes from the engine. */
export function isEngineFailure(error: unknown): error is EngineFailure {
  return error instanceof Error && "kind" in error && typeof error.kind === "string";
}
