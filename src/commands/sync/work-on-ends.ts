import type { CopyResult } from "../../sync/copy-result.ts";
import type { LocalContext } from "../../sync/local.ts";

/** The servers of a copy, before they run. */
export interface Servers {
  start: () => void;
}

/**
 * Work on two ends, whose names are the URIs of exports where a command was given. It must leave no connection open.
 *
 * @param servers undefined if no command was given
 */
export type WorkOnEnds = (
  context: LocalContext,
  names: readonly string[],
  servers: Servers | undefined,
) => Promise<CopyResult>;
