import { MAX_EXTENTS } from "../protocol/range-list.ts";
import { Differences } from "../ui/differences.ts";
import { formatBlocks, formatBytes } from "../ui/format.ts";
import type { CopySummary } from "../ui/programs/event-values.ts";
import { nameOf } from "./connection/endpoint.ts";
import { type CopyResult, rateText } from "./copy-result.ts";
import type { SyncContext } from "./listener.ts";
import { syncRemote } from "./remote.ts";
import { NO_SNAPSHOT } from "../snapshots/snapshot-options.ts";
import { type CopyOptions, isWhole } from "./stage-arguments.ts";
import type { CopyPlan } from "./stream-programs.ts";

/** Options of a copy that a comparison does not have. */
const FIXED = {
  dryRun: true,
  compare: true,
  // Nothing is sent, so compressing would only cost time.
  compress: "none",
  delta: undefined,
  allowLarger: false,
  force: false,
  lock: false,
  sparse: false,
  create: false,
  verify: "none",
  streams: undefined,
  digestCache: undefined,
  audit: undefined,
  incremental: undefined,
  truncate: false,
  times: false,
  perms: false,
  owner: false,
  group: false,
  numericIds: false,
  ...NO_SNAPSHOT,
} as const satisfies Partial<CopyOptions>;

/** Options of a copy that a comparison has too. */
export type ComparisonOptions = Omit<CopyOptions, keyof typeof FIXED>;

/** A comparison of two ends, `source` and `destination`. */
export interface ComparisonPlan extends Pick<CopyPlan, "source" | "destination" | "remote"> {
  options: ComparisonOptions;
  extents: CopyPlan["extents"];
  /** Keep all ranges that differ, instead of only the offset of the first. */
  keepRanges: boolean;
}

/**
 * Compares two files or devices, on whatever hosts, with a stage at each end. Only reads.
 *
 * @throws SyncError, UsageError, CancelledError
 */
export async function compareEnds(context: SyncContext, plan: ComparisonPlan): Promise<CopyResult> {
  const { progress } = context;
  const { source, destination, options, keepRanges } = plan;
  progress.differences = new Differences(keepRanges ? MAX_EXTENTS : 0);
  const copy = { ...options, ...FIXED };
  const { summary: counted, map, afterEnd = 0 } = await syncRemote(context, { ...plan, copy });
  if (counted === undefined) {
    throw new Error("a comparison has counted nothing");
  }
  const summary = { ...counted, first: progress.differences.first };
  const { sizes, blocks } = summary;
  const differ = (sizes?.source ?? 0) !== (sizes?.destination ?? 0);
  // The source answers nothing for a block after its end. Of a part of the destination, the sizes do not tell if there is one.
  const differs = blocks > 0 || differ || afterEnd > 0;
  const names = [nameOf(source), nameOf(destination)] as const;
  const lines = linesFor(names, {
    ...summary,
    afterEnd,
    extent: isWhole(copy) ? "all" : "range",
  });
  return { summary, map, differs, lines };
}

/** Describes the result for people. Each line can be read without the others. */
function linesFor(
  [a, b]: readonly [string, string],
  {
    blocks,
    changed,
    first,
    sizes,
    read,
    seconds,
    afterEnd,
    extent,
  }: CopySummary & { afterEnd: number; extent: "all" | "range" },
): string[] {
  const where = extent === "all" ? "" : " in the range that was compared";
  const lengths =
    sizes && sizes.source !== sizes.destination
      ? [`  ${a} has ${sizes.source} bytes, ${b} has ${sizes.destination}`]
      : [];
  const compared = `  ${formatBytes(read)} compared${rateText(read, seconds)}`;
  if (blocks > 0) {
    const what = `${formatBlocks(blocks)} (${formatBytes(changed)})`;
    return [
      `${a} and ${b} differ${where}: ${what}, the first at offset ${first}`,
      ...lengths,
      compared,
    ];
  }
  if (afterEnd > 0 && extent === "range") {
    return [`${a} and ${b} differ${where}: ${a} ends before that does`, compared];
  }
  return lengths.length > 0
    ? [`${a} and ${b} differ only in length`, ...lengths, compared]
    : [`${a} and ${b} are equal${where}`, compared];
}
