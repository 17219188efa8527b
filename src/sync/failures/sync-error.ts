import { CopyError } from "../../errors/copy-error.ts";

/** A failure in words. */
export interface Explanation {
  message: string;
  advice: string;
}

/** A copy between hosts failed. */
export class SyncError extends CopyError {
  override readonly name = "SyncError";
}

/** A program ended with exit code 0 but did not report everything that proves its success. */
export class UnprovedError extends SyncError {}
