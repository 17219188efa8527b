import type { ChangeMap } from "../ui/change-map.ts";
import { formatBytes, formatDuration } from "../ui/format.ts";
import type { Counts } from "../ui/progress.ts";

/** What came of a copy, or would. Numbers are of bytes where nothing else is said. */
export interface CopySummary {
  /** What of the source was looked at. */
  read: number;
  /** What of that was the same. */
  same: number;
  /** Blocks that differed. */
  blocks: number;
  /** Bytes of them. */
  changed: number;
  /** What went from one host to the other; null for a copy within one program. */
  sent: number | null;
  /** What of `changed` went as blocks, before it was compressed, and not as the length of a range of zeros. */
  plain: number;
  /** What these blocks took on the way. */
  packed: number;
  /** What was read back and found right, in lines. */
  verified: string | null;
  /** Nothing of it was done: it is what would have been. */
  dryRun: boolean;
  /** How long it took, in seconds. */
  seconds: number;
}

/** What came of a copy, and where that was, if somebody wants to know. */
export interface CopyResult {
  /** Undefined when nobody has counted. */
  summary: CopySummary | undefined;
  map: ChangeMap | undefined;
  /** Lines for people, where the usual ones would be wrong. */
  lines?: string[];
}

/** What came of a copy that has looked at so many bytes and counted this. */
export function summaryOf(
  read: number,
  { blocks, changed, sent, plain, packed }: Counts,
  rest: Pick<CopySummary, "verified" | "dryRun" | "seconds"> & { linked: boolean },
): CopySummary {
  const { linked, verified, dryRun } = rest;
  const same = Math.max(0, read - changed);
  const seconds = Math.round(rest.seconds * 1000) / 1000;
  const way = { sent: linked ? sent : null, plain, packed };
  return { read, same, blocks, changed, ...way, verified, dryRun, seconds };
}

/** What came of a copy for people, in a few lines; each can be read without the others. */
export function summaryLines({ summary, lines }: CopyResult): string[] {
  if (lines !== undefined || summary === undefined) {
    return lines ?? [];
  }
  const { read, same, sent, verified, dryRun, seconds } = summary;
  const rate = seconds > 0 ? ` at ${formatBytes(Math.round(read / seconds))}/s` : "";
  const are = dryRun ? "are" : "were";
  return [
    firstLine(summary),
    `  ${formatBytes(read)} read${rate}, ${formatBytes(same)} ${are} the same`,
    ...(dryRun || sent === null ? [] : [`  ${formatBytes(sent)} sent${packing(summary)}`]),
    ...(verified === null ? [] : [`  ${verified}`]),
  ];
}

function firstLine(summary: CopySummary): string {
  const { blocks, changed, sent, dryRun, seconds } = summary;
  const what = `${blocks} ${blocks === 1 ? "block" : "blocks"} (${formatBytes(changed)})`;
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

/** What was sent of what differed, where that is not simply the same. */
function packing({ changed, plain, packed }: CopySummary): string {
  const zeros = changed - plain;
  const parts = [
    ...(packed < plain ? [`${formatBytes(plain)} compressed to ${formatBytes(packed)}`] : []),
    ...(zeros > 0 ? [`${formatBytes(zeros)} are zeros`] : []),
  ];
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

/** The first lines of what came of a copy, or of `what` else, that took so many seconds. */
export function doneIn(seconds: number, what = "Sync done"): string {
  return `${what} in ${timeText(seconds)}`;
}

function timeText(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(3)} seconds` : formatDuration(seconds);
}
