import type { StageContext } from "../../blocks/context.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { clock } from "../../native/clock.ts";
import { wantsLegacy } from "../../process/environment.ts";
import { LeftSnapshotError } from "../../snapshots/snapshot-error.ts";
import { trackTimeSpent } from "../../process/time-spent.ts";
import type { LocalContext } from "../../sync/local.ts";
import type { CopyResult } from "../../sync/copy-result.ts";
import { CopyState } from "../../ui/copy-state.ts";
import { type CopyDisplay, hidden } from "../../ui/people/copy-by-minute.ts";
import { statusLine } from "../../ui/people/copy-line.ts";
import { CopyEvents } from "../../ui/programs/copy-events.ts";
import { keepQuestions, printLine, printOut } from "../../ui/stderr.ts";
import type { IoOptions } from "../options/io-options.ts";
import type { DataStream } from "../run/data-streams.ts";
import { runCommand } from "../run/run-command.ts";
import { startEngine } from "../run/start-engine.ts";
import { type CopyOutput, displayFor, printDryRun, summaryOf, teller, warner } from "./display.ts";
import {
  beginRanges,
  refuseReplacing,
  writeLastEvents,
  writeMap,
  writeMetrics,
  writeRanges,
} from "./reports.ts";

/** A copy, and the output that people and programs get of it. */
export interface ReportedCopy {
  /** Name of the command. */
  name: "sync" | "compare";
  /** As given on the command line. */
  source: string;
  destination: string;
  io: IoOptions;
  dryRun: boolean;
  output: CopyOutput;
  /** Print details. */
  verbose: boolean;
  /** End in good order when the reader of standard error has gone. */
  embedded: boolean;
  streams: DataStream[];
  /** State of the copy after a signal, and advice for it. */
  cutOff: { unfinished: string; again?: string };
  work: (context: LocalContext) => Promise<CopyResult>;
}

/** Runs a copy and ends the process. */
export function runSync(copy: ReportedCopy): Promise<never> {
  const { output } = copy;
  const state = new CopyState();
  keepQuestions(() => state.connecting);
  const began = clock();
  const events = output.json ? new CopyEvents(state, printOut) : undefined;
  let display: CopyDisplay = hidden;
  let copied: CopyResult | undefined;
  return runCommand({
    name: copy.name,
    verbose: copy.verbose,
    streams: copy.streams,
    printsResult: output.json || copy.dryRun,
    successCode: () => (copied?.differs === true ? ExitCode.different : ExitCode.success),
    ...copy.cutOff,
    tell: () => tellProgress(copy, state, events),
    finish: (end) => {
      const seconds = (clock() - began) / 1000;
      const late = writeMetrics(copy, { state, copied, end, seconds });
      display.finish(summaryOf(copy, copied));
      return events === undefined
        ? late
        : writeLastEvents(events, { copied, end, late, drawMap: output.drawMap });
    },
    work: async ({ native, debug, cancellation }) => {
      // Every stage refuses an unknown BLOCKCOPY_WIRE, even if it does not depend on it.
      wantsLegacy();
      display = await displayFor(output, state, native);
      refuseReplacing(output);
      beginRanges(output);
      if (copy.embedded) {
        void native.waitFor(2, "readerGone").then(() => process.kill(process.pid, "SIGTERM"));
      }
      const { direct, threads } = copy.io;
      const says = { ...warner(copy, events), tell: teller(copy), debug };
      const engine = startEngine(native, copy.io, says);
      const context = { native, engine, direct, progress: state, cancellation, ...says };
      await tellingLeft(says.alarm, async (keepLeft) => {
        const done = await copy.work({ ...context, keepLeft, spent: trackTimeSpent(threads) });
        copied = done;
        writeMap(copy, done.map);
        writeRanges(output, state.differences);
        await printDryRun(copy, done, native);
        if (done.failure !== undefined) {
          throw done.failure;
        }
      });
      return undefined;
    },
  });
}

/**
 * Does the work, and tells of the snapshots that are left then. After a failure, that is the error to report.
 *
 * @throws LeftSnapshotError, the errors of the work
 */
async function tellingLeft(
  alarm: StageContext["alarm"],
  work: (keepLeft: (what: string) => void) => Promise<void>,
): Promise<void> {
  const left: string[] = [];
  try {
    await work((what) => left.push(what));
  } catch (error) {
    left.forEach(alarm);
    throw error;
  }
  if (left.length > 0) {
    const what = left.join("; ");
    throw new LeftSnapshotError(`the copy is complete, but ${what}`, "all else is done");
  }
}

/** Answers SIGUSR1. */
function tellProgress(
  { name }: ReportedCopy,
  state: CopyState,
  events: CopyEvents | undefined,
): void {
  if (!state.begun) {
    printLine(`blockcopy ${name}: nothing has begun yet`);
  } else if (events === undefined) {
    printLine(statusLine(state, Infinity));
  } else {
    events.tell();
  }
}
