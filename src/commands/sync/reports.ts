import { ReportError, UsageError } from "../../errors/copy-error.ts";
import { exitCodeOf } from "../../errors/explain.ts";
import { type CopyResult, summaryLines } from "../../sync/copy-result.ts";
import { readSmall, replaceText, whyNotReplace } from "../../transport/files/small-file.ts";
import type { ChangeMap } from "../../ui/change-map.ts";
import { type Differences, RANGES_BEGINNING } from "../../ui/differences.ts";
import type { CopyState } from "../../ui/copy-state.ts";
import { mapSvg, SVG_BEGINNING } from "../../ui/people/map-svg.ts";
import type { CopyEvents } from "../../ui/programs/copy-events.ts";
import { METRICS_BEGINNING, metricsText } from "../../ui/programs/metrics.ts";
import type { CommandEnd } from "../run/ending.ts";
import type { CopyOutput } from "./display.ts";
import { eventsError } from "./events-error.ts";

/** Parts of a copy that its reports name. */
interface Reported {
  source: string;
  destination: string;
  dryRun: boolean;
  output: CopyOutput;
}

/**
 * Refuses to write the change map, the metrics or the ranges over anything else.
 *
 * @throws UsageError
 */
export function refuseReplacing({ mapFile, metrics, rangesOut }: CopyOutput): void {
  for (const [path, beginning] of [
    [mapFile, SVG_BEGINNING],
    [metrics, METRICS_BEGINNING],
    [rangesOut, RANGES_BEGINNING],
  ] as const) {
    const refused = path === undefined ? undefined : whyNotReplace(path, beginning);
    if (refused !== undefined) {
      throw new UsageError(refused, "give another name, or remove it");
    }
  }
}

/** @throws ReportError */
export function writeMap(
  { output: { mapFile }, source, destination }: Reported,
  map: ChangeMap | undefined,
): void {
  if (mapFile !== undefined && map !== undefined) {
    const failure = replaceText(mapFile, mapSvg(map, `${source} → ${destination}`), SVG_BEGINNING);
    if (failure !== undefined) {
      throw new ReportError("the change map", failure);
    }
  }
}

/**
 * Makes the file for the ranges unusable as a range map until they are known: a map of an earlier run would be taken for the result.
 *
 * @throws UsageError
 */
export function beginRanges({ rangesOut }: CopyOutput): void {
  if (rangesOut !== undefined) {
    const text = `${RANGES_BEGINNING}\nunknown, because the comparison is not complete\n`;
    const failure = replaceText(rangesOut, text, RANGES_BEGINNING);
    if (failure !== undefined) {
      throw new UsageError(
        `the ranges that differ cannot be written: ${failure}`,
        "give a file name in a folder where files can be created and replaced",
      );
    }
  }
}

/**
 * Writes the ranges that differ, if they are wanted.
 *
 * @throws ReportError
 */
export function writeRanges({ rangesOut }: CopyOutput, differences: Differences): void {
  if (rangesOut !== undefined) {
    const failure = replaceText(rangesOut, differences.text(), RANGES_BEGINNING);
    if (failure !== undefined) {
      throw new ReportError("the ranges that differ", failure);
    }
  }
}

/** Writes the metrics, if they are wanted; returns the error if that fails. */
export function writeMetrics(
  { output: { metrics: file }, source, destination, dryRun }: Reported,
  run: { state: CopyState; copied: CopyResult | undefined; end: CommandEnd; seconds: number },
): ReportError | undefined {
  if (file === undefined) {
    return undefined;
  }
  const { end, seconds, copied, state } = run;
  const refused = whyNotReplace(file, METRICS_BEGINNING);
  // The run ended for this very reason, so its last line says it.
  if (refused !== undefined && refused === end.failure?.message) {
    return undefined;
  }
  const counted =
    copied === undefined ? { ...state.counts, read: state.work.done } : copied.summary;
  const metrics = {
    source,
    destination,
    exitCode: end.code,
    seconds,
    at: Math.round(Date.now() / 1000),
    read: counted?.read,
    changed: counted?.changed,
    sent: counted && (counted.sent ?? 0),
    dryRun,
  };
  // A file that may not be replaced can have any content, so it is not read.
  const before = refused === undefined ? metricsBefore(file) : "";
  const failure = replaceText(file, metricsText(metrics, before), METRICS_BEGINNING);
  return failure === undefined ? undefined : new ReportError("the metrics", failure);
}

/** Returns the metrics that the last run has written; empty if they cannot be read. */
function metricsBefore(file: string): string {
  try {
    return readSmall(file);
  } catch {
    return "";
  }
}

/** Writes the last events of a copy; returns the first error of its reports, `late` or that of the events. */
export function writeLastEvents(
  events: CopyEvents,
  copy: {
    copied: CopyResult | undefined;
    end: CommandEnd;
    late: ReportError | undefined;
    drawMap: boolean;
  },
): ReportError | undefined {
  const { copied, end, late } = copy;
  const error = end.failure ?? late;
  const map = copy.drawMap ? copied?.map : undefined;
  if (error !== undefined) {
    const { message, advice } = error;
    const code = end.code || exitCodeOf(error);
    events.finish({ event: "error", message, advice, code }, map);
  } else if (copied !== undefined) {
    const outcome = summaryLines(copied).join("\n");
    events.finish({ event: "end", outcome, summary: copied.summary ?? null }, map);
  }
  return late ?? eventsError(events.failed);
}
