import { ReportError } from "../../errors/copy-error.ts";
import { describe } from "../../errors/stream-errors.ts";

/**
 * Returns the error for events that could not be written to standard output; undefined if all were.
 *
 * @param code the error number by name, such as `EPIPE`; undefined if there was none
 */
export function eventsError(code: string | undefined): ReportError | undefined {
  return code === undefined
    ? undefined
    : new ReportError(
        "the events",
        `standard output: ${describe(code)} (${code})`,
        "look at what reads standard output",
      );
}
