import type { CopyError } from "../errors/copy-error.ts";
import type { ChangeMap } from "../ui/change-map.ts";
import { formatBlocks, formatBytes, formatDuration } from "../ui/format.ts";
import type { CopySummary } from "../ui/programs/event-values.ts";
import type { Counts } from "../ui/progress.ts";

/** The result of a copy. */
export interface CopyResult {
  /** Undefined if nothing was counted. */
  summary: CopySummary | undefined;
  /** The change map, if there is one. */
  map: ChangeMap | undefined;
  /** Lines for people, instead of the usual ones. */
  lines?: string[];
  /** Bytes that the destination has compared after the end of the source. */
  afterEnd?: number;
  /** True if a comparison has found the two ends to be different. */
  differs?: boolean;
  /** The fault that was found although the copy is complete. */
  failure?: CopyError;
}

/** Makes a summary from the bytes that were compared and the counts. */
export function summaryOf(
  read: number,
  { blocks, changed, sent, plain, packed }: Counts,
  rest: Pick<CopySummary, "verified" | "dryRun" | "sizes" | "seconds"> & { linked: boolean },
): CopySummary {
  const { linked, verified, dryRun, sizes } = rest;
  const same = Math.max(0, read - changed);
  const seconds = Math.round(rest.seconds * 1000) / 1000;
  const way = { sent: linked ? sent : null, plain, packed };
  return { read, same, blocks, changed, ...way, verified, dryRun, sizes, seconds };
}

/** Returns a result for people, in a few lines. Each can be read without the others. */
export function summaryLines({ summary, lines }: CopyResult): string[] {
  if (lines !== undefined || summary === undefined) {
    return lines ?? [];
  }
  const { read, same, sent, verified, dryRun, seconds, audit } = summary;
  const are = dryRun ? "are" : "were";
  return [
    firstLine(summary),
    `  ${formatBytes(read)} read${rateText(read, seconds)}, ${formatBytes(same)} ${are} the same`,
    ...(dryRun || sent === null ? [] : [`  ${formatBytes(sent)} sent${packing(summary)}`]),
    ...(verified === null ? [] : [`  ${verified}`]),
    ...(audit === undefined ? [] : [`  ${auditText(audit)}`]),
  ];
}

function auditText({
  compared,
  blocks,
  bytes,
  part,
  parts,
}: NonNullable<CopySummary["audit"]>): string {
  const found =
    blocks === 0
      ? "nothing differed there"
      : `${formatBlocks(blocks)} (${formatBytes(bytes)}) differed there`;
  return `audit, part ${part} of ${parts}: ${formatBytes(compared)} outside the range map compared, ${found}`;
}

/** Returns the rate of a copy as text that follows the number of bytes; empty if nothing was copied. */
export function rateText(bytes: number, seconds: number): string {
  return bytes > 0 && seconds > 0 ? ` at ${formatBytes(Math.round(bytes / seconds))}/s` : "";
}

function firstLine(summary: CopySummary): string {
  const { blocks, changed, sent, dryRun, seconds } = summary;
  const what = `${formatBlocks(blocks)} (${formatBytes(changed)})`;
  if (dryRun) {
    const would = `${formatBytes(sent ?? changed)} would be sent${packing(summary)}`;
    return blocks === 0
      ? "nothing differs"
      : `${what} ${blocks === 1 ? "differs" : "differ"}, ${would}`;
  }
  const came =
    blocks === 0
      ? "nothing differed"
      : `${what} differed and ${blocks === 1 ? "was" : "were"} replaced`;
  return `${doneIn(seconds)}: ${came}`;
}

/** Describes the compression and the zeros, if there are any. */
function packing({ changed, plain, packed }: CopySummary): string {
  const zeros = changed - plain;
  const parts = [
    ...(packed < plain ? [`${formatBytes(plain)} compressed to ${formatBytes(packed)}`] : []),
    ...(zeros > 0 ? [`${formatBytes(zeros)} are zeros`] : []),
  ];
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

/** Returns the first words of a summary. */
export function doneIn(seconds: number, what = "Sync done"): string {
  return `${what} in ${timeText(seconds)}`;
}

function timeText(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(3)} seconds` : formatDuration(seconds);
}
