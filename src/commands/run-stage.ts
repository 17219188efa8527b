import type * as Binding from "../native/binding.js";
import type { StageContext } from "../blocks/context.ts";
import { ProtocolError } from "../protocol/error.ts";
import { Cancellation } from "../blocks/cancellation.ts";
import { ReaderGoneError } from "../errors/stream-errors.ts";
import { removeUnfinished } from "../transport/files/unfinished.ts";
import { EventLines, eventLine, helloLine } from "../ui/event-lines.ts";
import type { JsonLine } from "../ui/json-line.ts";
import { ProgressLines } from "../ui/people/progress-lines.ts";
import { type Progress, silent } from "../ui/progress.ts";
import { Tally } from "../ui/tally.ts";
import { printLine, stderrCanDraw } from "../ui/stderr.ts";
import { adviceOn } from "../errors/explain.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import { exitCodeOf } from "../errors/explain.ts";
import { forcedSimd, wantsExactWire } from "../process/environment.ts";
import type { IoOptions } from "./options/io-options.ts";
import { type DataStream, messageOf, runCommand } from "./run-command.ts";
import { trackTimeSpent } from "../process/time-spent.ts";

/** A stage, as the commands start it. */
export interface Stage {
  /** `checksum`, `retrieve` or `save`. */
  name: string;
  /** Whether to say what matters only when looking for a fault. */
  verbose: boolean;
  /** Whether progress is wanted where there is no terminal. */
  progress: boolean;
  /** Standard streams that carry data, with the names that messages have for them. */
  streams: DataStream[];
  /** What it has done with the bytes that it reports, as `read`. */
  done: string;
  /** How its files are read and written, and on how many threads. */
  io: IoOptions;
  /** How long, in milliseconds, it leaves the terminal to the other stages of its pipe. */
  patience: number;
  /** Whether it tells another program what happens, as events, and not a person. */
  events?: boolean;
  /** What a signal that ends it leaves behind, and what to do then, where its name does not tell. */
  cutOff?: { unfinished: string; again: string } | undefined;
  /** Does it, and says what came of it where that is worth a word. */
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
    ...stage.cutOff,
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
      // Every stage refuses a wire that nobody knows, also those whose bytes do not depend on it.
      wantsExactWire();
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
  // Whoever has started it is the one to say how it went: without that, nothing goes on in secret.
  void native.waitFor(2, "readerGone").then(() => {
    removeUnfinished();
    native.exitNow(ExitCode.readerGone);
  });
  return new EventLines(printLine, trackTimeSpent(stage.io.threads));
}

async function progressFor(stage: Stage, native: typeof Binding): Promise<Progress> {
  const title = stage.name.replace(/^./, (letter) => letter.toUpperCase());
  if (stderrCanDraw()) {
    const { LiveLine } = await import("../ui/people/live-line.ts");
    return new LiveLine(title, stage.done, () => native.TerminalLock.acquire(), stage.patience);
  }
  return stage.progress ? new ProgressLines(title, printLine) : silent;
}

/** A failure for the program that has started this one; `synced`: bytes that are on the disk all the same, where that is known. */
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

/** Whether a failure comes of that of another stage: its stream ends, or nobody reads what this one writes. */
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
