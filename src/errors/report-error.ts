import { AdvisedError } from "../blocks/context.ts";

/** All that was asked for is done, but could not be told where it was to be. */
export class ReportError extends AdvisedError {
  override readonly name = "ReportError";

  /** `what` could not be written, for this reason. */
  constructor(
    what: string,
    reason: string,
    advice = "give the name of a file where one can be made and replaced, or make room there",
  ) {
    super(`${what} could not be written: ${reason}`, `all else is done; ${advice}`);
  }
}
