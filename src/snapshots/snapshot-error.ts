import { CopyError } from "../errors/copy-error.ts";
import { ExitCode } from "../errors/exit-codes.ts";

/** A snapshot cannot be made. */
export class SnapshotError extends CopyError {
  override readonly name = "SnapshotError";

  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.unavailable);
  }
}

/** A snapshot was lost while it was read: what was sent is not all of one moment. */
export class LostSnapshotError extends CopyError {
  override readonly name = "LostSnapshotError";

  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.io);
  }
}

/** A copy is complete, and its snapshot is still there. */
export class LeftSnapshotError extends CopyError {
  override readonly name = "LeftSnapshotError";

  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.notKept);
  }
}
