import type { StageContext } from "../../blocks/context.ts";
import { Cancellation } from "../../blocks/cancellation.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { adviceOn, exitCodeOf } from "../../errors/explain.ts";
import { ReaderGoneError } from "../../errors/stream-errors.ts";
import type * as Binding from "../../native/binding.js";
import { forcedSimd, wantsLegacy } from "../../process/environment.ts";
import { trackTimeSpent } from "../../process/time-spent.ts";
import { ProtocolError } from "../../protocol/error.ts";
import { removeUnfinished } from "../../transport/files/unfinished.ts";
import { EventLines, eventLine, helloLine } from "../../ui/event-lines.ts";
import type { JsonLine } from "../../ui/json-line.ts";
import { ProgressLines } from "../../ui/people/stage-lines.ts";
import { type Progress, silent } from "../../ui/progress.ts";
import { printLine, stderrCanDraw } from "../../ui/stderr.ts";
import { Tally } from "../../ui/stage-progress.ts";
import type { IoOptions } from "../options/io-options.ts";
import type { DataStream } from "./data-streams.ts";
import { messageOf } from "./ending.ts";
import { runCommand } from "./run-command.ts";

/** A stage of the pipeline, run by its command. */
export interface Stage {
  name: string;
  /** Print details. */
  verbose: boolean;
  /** Print progress even if standard error is not a terminal. */
  progress: boolean;
  streams: DataStream[];
  /** Past participle for progress: bytes "read", "compared". */
  done: string;
  io: IoOptions;
  /** Milliseconds for which it leaves the terminal to the other stages of its pipeline. */
  patience: number;
  /** Report to another program by events, instead of to a person. */
  events?: boolean;
  /** Does the work, and returns its result in words if there is anything to say. */
  work: (context: StageContext) => Promise<string | undefined>;
}

/** Runs a stage and ends the process. */
export function runStage(stage: Stage): Promise<never> {
  const progress = new Tally(stage.done, silent);
  const cancellation = new Cancellation();
  let events: EventLines | undefined;
  return runCommand({
    name: stage.name,
    verbose: stage.verbose,
    streams: stage.streams,
    unfinished: unfinished(stage),
    tell: () => {
      if (stage.events !== true) {
        printLine(`blockcopy ${stage.name}: ${progress.text}`);
      } else {
        events?.tell();
      }
    },
    finish: ({ code, outcome }) => {
      progress.finish(code === ExitCode.success, outcome);
      return undefined;
    },
    ...(stage.events === true && {
      failure: (error: unknown, name: string) => errorEvent(error, name, cancellation.synced),
    }),
    cancellation,
    work: async ({ native, debug }) => {
      // Every stage refuses an unknown BLOCKCOPY_WIRE, even if it does not depend on it.
      wantsLegacy();
      events = stage.events === true ? eventsOf(stage, native) : undefined;
      progress.show(events ?? (await progressFor(stage, native)));
      const { direct, threads, queueDepth } = stage.io;
      const engine = new native.Engine({ simd: forcedSimd(), threads, queueDepth });
      debug(engine.description);
      const warn = (message: string): void =>
        printLine(
          stage.events === true
            ? eventLine({ event: "warning", message })
            : `WARNING (${stage.name}): ${message}`,
        );
      const tell = (message: string): void => printLine(`blockcopy ${stage.name}: ${message}`);
      return stage.work({ native, engine, direct, progress, cancellation, warn, tell, debug });
    },
  });
}

function eventsOf(stage: Stage, native: typeof Binding): EventLines {
  printLine(helloLine());
  // Nobody could report a stage whose parent has gone, so it ends.
  void native.waitFor(2, "readerGone").then(() => {
    removeUnfinished();
    native.exitNow(ExitCode.readerGone);
  });
  return new EventLines(printLine, trackTimeSpent(stage.io.threads));
}

async function progressFor(stage: Stage, native: typeof Binding): Promise<Progress> {
  const title = stage.name.replace(/^./, (letter) => letter.toUpperCase());
  if (stderrCanDraw()) {
    const { LiveLine } = await import("../../ui/people/stage-line.ts");
    return new LiveLine(title, stage.done, () => native.TerminalLock.acquire(), stage.patience);
  }
  return stage.progress ? new ProgressLines(title, printLine) : silent;
}

/** Makes the event for a failure. `synced` are the bytes that are on the disk nevertheless, if that is known. */
function errorEvent(error: unknown, stage: string, synced: number | undefined): JsonLine {
  return eventLine({
    event: "error",
    message: messageOf(error),
    advice: adviceOn(error, stage),
    code: exitCodeOf(error),
    consequence: isConsequence(error),
    ...(synced !== undefined && { synced }),
    foreign:
      error instanceof ProtocolError &&
      ["unknown-command", "other-stream", "not-asked"].includes(error.code),
  });
}

/** True if a failure is the consequence of that of another stage: its stream ends, or it no longer reads. */
function isConsequence(error: unknown): boolean {
  return (
    error instanceof ReaderGoneError ||
    (error instanceof ProtocolError &&
      ["closed", "truncated-command", "truncated-frame"].includes(error.code))
  );
}

function unfinished(stage: Stage): string {
  return ["save", "receive"].includes(stage.name)
    ? "the destination is not complete"
    : "its stream is not complete";
}
