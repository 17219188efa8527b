import { ReportError, UsageError } from "../errors/copy-error.ts";
import type * as Binding from "../native/binding.js";
import type { StageContext } from "../blocks/context.ts";
import type { LocalContext } from "../sync/local.ts";
import { type CopyResult, summaryLines } from "../sync/copy-result.ts";
import { readText, replaceText, whyNotReplace } from "../transport/files/small-file.ts";
import { describe } from "../errors/stream-errors.ts";
import { Output } from "../transport/streams/streams.ts";
import type { ChangeMap } from "../ui/change-map.ts";
import { isAsciiOnly } from "../errors/charset.ts";
import { type CopyDisplay, hidden, minuteDisplay } from "../ui/people/copy-display.ts";
import { CopyEvents } from "../ui/programs/copy-events.ts";
import { CopyState } from "../ui/copy-state.ts";
import { drawMap } from "../ui/people/draw-map.ts";
import { printable } from "../errors/printable.ts";
import { mapSvg, SVG_BEGINNING } from "../ui/people/map-svg.ts";
import { METRICS_BEGINNING, metricsText } from "../ui/programs/metrics.ts";
import { statusLine } from "../ui/people/status-line.ts";
import {
  keepQuestions,
  printLine,
  printOut,
  stderrCanDraw,
  stderrIsTerminal,
} from "../ui/stderr.ts";
import { forcedSimd, wantsExactWire } from "../process/environment.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import { exitCodeOf } from "../errors/explain.ts";
import type { IoOptions } from "./options/io-options.ts";
import { type DataStream, type End, runCommand } from "./run-command.ts";
import { trackTimeSpent } from "../process/time-spent.ts";

const USUAL_COLUMNS = 80;

/** A copy, as the command starts it, and what people and programs are to see of it. */
export interface Copy {
  /** As they were given. */
  source: string;
  destination: string;
  io: IoOptions;
  /** Whether to say what matters only when looking for a fault. */
  verbose: boolean;
  dryRun: boolean;
  /** Nothing but errors. */
  quiet: boolean;
  /** Events on standard output. */
  json: boolean;
  /** Where the blocks are that differ: as SVG into this file, or, when true, wherever the summary goes. */
  map: string | boolean;
  /** The file that Prometheus reads. */
  metrics: string | undefined;
  /** Standard streams that carry data. */
  streams: DataStream[];
  /** What a signal that ends it leaves behind, and what to do then. */
  cutOff: { unfinished: string; again?: string };
  work: (context: LocalContext) => Promise<CopyResult>;
}

/** Runs a copy and ends the process. */
export function runSync(copy: Copy): Promise<never> {
  const state = new CopyState();
  keepQuestions(() => state.connecting);
  const began = performance.now();
  const events = copy.json ? new CopyEvents(state, printOut) : undefined;
  let display: CopyDisplay = hidden;
  let copied: CopyResult | undefined;
  return runCommand({
    name: "sync",
    verbose: copy.verbose,
    streams: copy.streams,
    printsResult: copy.json || copy.dryRun,
    ...copy.cutOff,
    tell: () => {
      if (!state.begun) {
        printLine("blockcopy sync: nothing has begun yet");
      } else if (events === undefined) {
        printLine(statusLine(state, Infinity));
      } else {
        events.tell();
      }
    },
    finish: (end) => {
      const seconds = (performance.now() - began) / 1000;
      const late = writeMetrics(copy, state, copied, end.code, seconds);
      display.finish(copied && !copy.dryRun ? summary(copy, copied) : undefined);
      return events === undefined ? late : tell(events, copy, copied, end, late);
    },
    work: async ({ native, debug, cancellation }) => {
      // Every stage refuses a wire that nobody knows, also those whose bytes do not depend on it.
      wantsExactWire();
      display = await displayFor(copy, state, native);
      refuseReplacing(copy);
      const { direct, threads, queueDepth } = copy.io;
      const engine = new native.Engine({ simd: forcedSimd(), threads, queueDepth });
      debug(engine.description);
      const spent = trackTimeSpent(threads);
      const warn = warner(copy, events);
      const shown = { progress: state, cancellation, warn, tell: teller(copy), debug };
      const done = await copy.work({ native, engine, direct, ...shown, spent });
      copied = done;
      writeMap(copy, done.map);
      if (copy.dryRun && !copy.json && !copy.quiet) {
        // What was asked for, not a word about it.
        const text = summary(copy, done).map((line) => `${printable(line)}\n`);
        await new Output(native, "outcome").finish([Buffer.from(text.join(""))]);
      }
      return undefined;
    },
  });
}

/**
 * Refuses to write the map or the metrics over anything else.
 *
 * @throws UsageError
 */
function refuseReplacing({ map, metrics }: Copy): void {
  for (const [path, beginning] of [
    [map, SVG_BEGINNING],
    [metrics, METRICS_BEGINNING],
  ] as const) {
    const refused = typeof path === "string" ? whyNotReplace(path, beginning) : undefined;
    if (refused !== undefined) {
      throw new UsageError(refused, "give another name, or remove it");
    }
  }
}

async function displayFor(
  { quiet, json }: Copy,
  state: CopyState,
  native: typeof Binding,
): Promise<CopyDisplay> {
  if (quiet || json) {
    return hidden;
  }
  if (!stderrCanDraw()) {
    return minuteDisplay(state);
  }
  const { liveDisplay } = await import("../ui/people/live-display.ts");
  return liveDisplay(state, () => native.TerminalLock.acquire());
}

/** What says something that a person should know, once each. */
function warner({ quiet }: Copy, events: CopyEvents | undefined): StageContext["warn"] {
  const said = new Set<string>();
  return (message) => {
    if (quiet || said.has(message)) {
      return;
    }
    said.add(message);
    events?.warn(message);
    printLine(`WARNING (sync): ${message}`);
  };
}

/** What says something that a person may want to know. */
function teller({ quiet, json }: Copy): StageContext["tell"] {
  return (message) => {
    if (!quiet && !json) {
      printLine(`blockcopy sync: ${message}`);
    }
  };
}

/** What came of it, and the map where that is to be drawn. */
function summary({ map }: Copy, copied: CopyResult): string[] {
  const lines = summaryLines(copied);
  if (map !== true || copied.map === undefined) {
    return lines;
  }
  const columns = (stderrIsTerminal() && process.stderr.columns) || USUAL_COLUMNS;
  return [...lines, "", ...drawMap(copied.map, columns, !isAsciiOnly())];
}

/** @throws ReportError */
function writeMap({ map: file, source, destination }: Copy, map: ChangeMap | undefined): void {
  if (typeof file === "string" && map !== undefined) {
    const failure = replaceText(file, mapSvg(map, `${source} → ${destination}`), SVG_BEGINNING);
    if (failure !== undefined) {
      throw new ReportError("the map", failure);
    }
  }
}

function writeMetrics(
  { metrics: file, source, destination, dryRun }: Copy,
  { work, counts }: CopyState,
  copied: CopyResult | undefined,
  exitCode: number,
  seconds: number,
): ReportError | undefined {
  if (file === undefined) {
    return undefined;
  }
  const counted = copied === undefined ? { ...counts, read: work.done } : copied.summary;
  const run = {
    source,
    destination,
    exitCode,
    seconds,
    at: Math.round(Date.now() / 1000),
    read: counted?.read,
    changed: counted?.changed,
    sent: counted && (counted.sent ?? 0),
    dryRun,
  };
  // What it has is only read where it may be replaced: it may be anything.
  const before = whyNotReplace(file, METRICS_BEGINNING) === undefined ? readText(file) : "";
  const failure = replaceText(file, metricsText(run, before), METRICS_BEGINNING);
  return failure === undefined ? undefined : new ReportError("the metrics", failure);
}

/** Tells a program how it ended; `late` is what went wrong behind the end of the copy. */
function tell(
  events: CopyEvents,
  { map: wanted }: Copy,
  copied: CopyResult | undefined,
  { code, failure }: End,
  late: ReportError | undefined,
): ReportError | undefined {
  const error = code === ExitCode.success && late !== undefined ? late : failure;
  const map = wanted === true ? copied?.map : undefined;
  if (error !== undefined) {
    const { message, advice } = error;
    events.finish({ event: "error", message, advice, code: code || exitCodeOf(error) }, map);
  } else if (copied !== undefined) {
    const words = summaryLines(copied).join("\n");
    events.finish({ event: "end", outcome: words, summary: copied.summary ?? null }, map);
  }
  return events.failed === undefined
    ? late
    : (late ??
        new ReportError(
          "the events",
          `standard output: ${describe(events.failed)} (${events.failed})`,
          "look at what reads standard output",
        ));
}
