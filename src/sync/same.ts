import { UsageError } from "../errors/copy-error.ts";

/** The error for a source that is the destination as well; both as people write them. */
export function sameError(source: string, destination: string): UsageError {
  return new UsageError(`${source} and ${destination} are the same`, "give two different ones");
}
