import { stat } from "node:fs/promises";

import { CancelledError } from "../../../blocks/cancellation.ts";
import type { StageContext } from "../../../blocks/context.ts";
import type { ReportError, CopyError } from "../../../errors/copy-error.ts";
import { printable } from "../../../errors/printable.ts";
import type * as Binding from "../../../native/binding.js";
import { POOL_THREADS } from "../../../native/node-start.ts";
import { MOST_DESTINATIONS } from "../../../stages/retrieve/shared/shared-source.ts";
import { LeftSnapshotError } from "../../../snapshots/snapshot-error.ts";
import { copyToMany, type ManyEnd, type ManyPlan } from "../../../sync/many/copy-to-many.ts";
import { Output } from "../../../transport/streams/output.ts";
import { formatBytes } from "../../../ui/format.ts";
import { silent } from "../../../ui/progress.ts";
import { statusLine } from "../../../ui/people/copy-line.ts";
import { keepQuestions, printLine } from "../../../ui/stderr.ts";
import type { IoOptions } from "../../options/io-options.ts";
import type { CommandEnd } from "../../run/ending.ts";
import type { DataStream } from "../../run/data-streams.ts";
import { runCommand } from "../../run/run-command.ts";
import { startEngine } from "../../run/start-engine.ts";
import type { CopyOutput } from "../display.ts";
import { eventsError } from "../events-error.ts";
import { failureOfMany } from "./failures.ts";
import { ManyDisplay } from "./many-display.ts";
import { ManyOutput } from "./many-output.ts";

/** A copy to several destinations, and the output that people and programs get of it. */
export interface ManyCopy {
  io: IoOptions;
  dryRun: boolean;
  output: CopyOutput;
  /** Print details. */
  verbose: boolean;
  /**
   * Checks the command line, and returns what is to be done.
   *
   * @throws UsageError
   */
  plan: (native: typeof Binding) => Promise<ManyPlan>;
  streams: DataStream[];
}

/** The result of the whole run. */
interface Result {
  /** In words. */
  outcome: string;
  /** Bytes of the source that were read. */
  read: number;
}

/** Runs a copy to several destinations and ends the process. */
export function runMany(copy: ManyCopy): Promise<never> {
  const { dryRun } = copy;
  const display = new ManyDisplay();
  let output: ManyOutput | undefined;
  let done: Result | undefined;
  keepQuestions(() => output?.states.some(({ connecting }) => connecting) === true);
  return runCommand({
    name: "sync",
    verbose: copy.verbose,
    streams: copy.streams,
    printsResult: copy.output.json || dryRun,
    unfinished: "the destinations are not complete",
    tell: () => tellProgress(output),
    finish: (end) => {
      display.finish();
      return output === undefined ? undefined : finish(output, end, done);
    },
    work: async ({ native, debug, cancellation }) => {
      await makeThreads();
      const plan = await copy.plan(native);
      const { destinations } = plan;
      const print = (lines: readonly string[]): void => display.print(lines);
      const shown = new ManyOutput(destinations, { output: copy.output, dryRun, print });
      output = shown;
      await display.begin(copy.output, shown.states, native);
      const { direct } = copy.io;
      const says = { warn: shown.warn, alarm: shown.alarm, tell: shown.tell, debug };
      const engine = startEngine(native, copy.io, says);
      const shared = { native, engine, direct, cancellation, progress: silent };
      const context: StageContext = { ...shared, ...says };
      const end = await copyToMany(context, plan, shown);
      done = { outcome: summaryOf(copy, destinations.length, end), read: end.bytesRead };
      await printResults(copy, shown, native);
      const failure =
        failureOfMany(end.failures, { destinations: destinations.length, dryRun }) ??
        leftSnapshot(end);
      if (failure !== undefined) {
        throw cancellation.requested && isCancelled(end) ? cancellation.error() : failure;
      }
      shown.conclude(done.outcome);
      return done.outcome;
    },
  });
}

/** Returns the result of the whole run in a line. */
function summaryOf({ dryRun }: ManyCopy, destinations: number, end: ManyEnd): string {
  const complete = destinations - end.failures.length;
  const what = dryRun ? "compared" : "complete";
  return `${complete} of ${destinations} destinations ${what}, ${formatBytes(end.bytesRead)} of the source read`;
}

function finish(
  output: ManyOutput,
  { code, failure }: CommandEnd,
  result: Result | undefined,
): ReportError | undefined {
  const failed = output.finish(
    failure === undefined
      ? { event: "end", outcome: result?.outcome ?? null, summary: null, ...readOf(result) }
      : { event: "error", ...failure, code, ...readOf(result) },
  );
  return eventsError(failed);
}

function readOf(result: Result | undefined): { read?: number } {
  return result === undefined ? {} : { read: result.read };
}

/** True if a signal has ended the copy to a destination. */
function isCancelled({ failures }: ManyEnd): boolean {
  return failures.some(({ error }) => error instanceof CancelledError);
}

function leftSnapshot({ left }: ManyEnd): CopyError | undefined {
  return left === undefined
    ? undefined
    : new LeftSnapshotError(`the copies are complete, but ${left}`, "all else is done");
}

/** Prints the results of a dry run on standard output. */
async function printResults(
  { dryRun, output: { quiet, json, stats } }: ManyCopy,
  output: ManyOutput,
  native: typeof Binding,
): Promise<void> {
  if (dryRun && !json && (!quiet || stats)) {
    const text = output.results.map((line) => `${printable(line)}\n`);
    await new Output(native, "result").finish([Buffer.from(text.join(""))]);
  }
}

/** Answers SIGUSR1. */
function tellProgress(output: ManyOutput | undefined): void {
  if (output === undefined) {
    printLine("blockcopy sync: nothing has begun yet");
    return;
  }
  if (output.tellProgress()) {
    return;
  }
  for (const state of output.states) {
    printLine(state.begun ? statusLine(state, Infinity) : `${state.title}: nothing has begun yet`);
  }
}

/** Threads of libuv for everything but the pipes. */
const OTHER_THREADS = 8;

/**
 * Makes enough threads of libuv for the most destinations: one that does not read keeps two waiting, in the pipes to it and from it. That
 * must come before all else that uses a thread, such as reading a list of destinations. Programs that are started later keep the usual
 * number.
 */
async function makeThreads(): Promise<void> {
  const given = process.env["UV_THREADPOOL_SIZE"];
  process.env["UV_THREADPOOL_SIZE"] = String(
    Math.max(POOL_THREADS, 2 * MOST_DESTINATIONS + OTHER_THREADS),
  );
  // The first call that needs a thread makes all of them.
  await stat("/");
  if (given === undefined) {
    delete process.env["UV_THREADPOOL_SIZE"];
  } else {
    process.env["UV_THREADPOOL_SIZE"] = given;
  }
}
