import type { ExtentList } from "../ranges/extents.ts";
import type { CopyResult } from "./copy-result.ts";
import { syncDelta } from "./delta.ts";
import { syncLegacy } from "./legacy/copy.ts";
import { type LocalContext, syncLocal } from "./local.ts";
import { syncRemote } from "./remote.ts";
import type { CopyOptions } from "./stage-arguments.ts";
import type { CopyPlan } from "./stream-programs.ts";

/** A copy, wherever its ends are. */
export interface Copy extends Pick<
  CopyPlan,
  "source" | "destination" | "remote" | "copy" | "tunnel"
> {
  /** The other hosts have blockcopy 0.0.2. */
  legacy: boolean;
  /** Use stages even if both ends are here: nbdkit waits for seconds for connections that this process would still have open. */
  inStages: boolean;
  /** Reads a range map. */
  readRanges: (file: string) => Promise<ExtentList>;
}

/**
 * Makes the destination equal to the source in the way that suits their hosts and the options: within this process, by stages, or with
 * blockcopy 0.0.2.
 *
 * @throws SyncError, UsageError, CancelledError, the engine's failures
 */
export async function runCopy(context: LocalContext, copy: Copy): Promise<CopyResult> {
  const { source, destination, legacy, readRanges, copy: options } = copy;
  const isHere = source.kind === "local" && destination.kind === "local";
  if (isHere && !copy.inStages && !needsStages(options)) {
    const { force, lock, sparse, map, sourceFormat, destinationFormat } = options;
    const formats = { sourceFormat, destinationFormat };
    const ends = { source: source.path, destination: destination.path };
    const wanted = options.ranges;
    const extents =
      wanted === undefined ? undefined : (): Promise<ExtentList> => readRanges(wanted);
    return syncLocal(context, { ...ends, ...formats, force, lock, sparse, map, extents });
  }
  if (legacy && (source.kind === "remote" || destination.kind === "remote")) {
    return syncLegacy(context, copy);
  }
  const { delta, ranges } = options;
  if (delta !== undefined) {
    return syncDelta(context, copy, delta);
  }
  const extents = ranges === undefined ? undefined : await readRanges(ranges);
  return syncRemote(context, { ...copy, extents });
}

/** True if options ask for more than comparing two files of one size, or ranges of them, and writing what differs: the stages can do that. */
function needsStages(options: CopyOptions): boolean {
  const { dryRun, create, truncate, times, perms, owner, group, allowLarger } = options;
  const { start, end, ranges, map, audit, delta, digest, blockSize, compress } = options;
  const { digestCache, bwlimit, streams, sourceFormat, destinationFormat } = options;
  const flags = [dryRun, create, truncate, times, perms, owner, group, allowLarger];
  const reading = [start, end, audit, delta, digest, blockSize];
  const formats = [sourceFormat, destinationFormat];
  const sending = [compress, digestCache, bwlimit, streams];
  return (
    flags.includes(true) ||
    options.verify !== "none" ||
    options.snapshot !== "none" ||
    // The map of few changes is as fine as the batches of this process.
    (map && ranges !== undefined) ||
    formats.some((format = "raw") => format !== "raw") ||
    [...reading, ...sending].some((value) => value !== undefined)
  );
}
