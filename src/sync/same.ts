import { OptionError } from "../blocks/context.ts";

/** The error for a source that is the destination as well; both as people write them. */
export function sameError(source: string, destination: string): OptionError {
  return new OptionError(`${source} and ${destination} are the same`, "give two different ones");
}
