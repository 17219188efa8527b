import type * as Binding from "../native/binding.js";
import type { StageContext } from "../stages/context.ts";
import { PlainLines } from "../ui/plain-lines.ts";
import { type Progress, silent } from "../ui/progress.ts";
import { printLine, stderrIsTerminal } from "../ui/stderr.ts";
import { forcedSimd, wantsExactWire } from "./environment.ts";
import type { IoOptions } from "./io-options.ts";
import { type DataStream, runCommand } from "./run-command.ts";

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
  /** Does it, and says what came of it where that is worth a word. */
  work: (context: StageContext) => Promise<string | undefined>;
}

/** Runs a stage and ends the process. */
export function runStage(stage: Stage): Promise<never> {
  let progress: Progress = silent;
  return runCommand({
    name: stage.name,
    verbose: stage.verbose,
    streams: stage.streams,
    unfinished: unfinished(stage),
    finish: (succeeded, outcome) => progress.finish(succeeded, outcome),
    work: async ({ native, debug }) => {
      // Every stage refuses a wire that nobody knows, also those whose bytes do not depend on it.
      wantsExactWire();
      progress = await progressFor(stage, native);
      const { direct, threads, queueDepth } = stage.io;
      const engine = new native.Engine({ simd: forcedSimd(), threads, queueDepth });
      debug(engine.description);
      const warn = (message: string): void => printLine(`WARNING (${stage.name}): ${message}`);
      return stage.work({ native, engine, direct, progress, warn, debug });
    },
  });
}

async function progressFor(stage: Stage, native: typeof Binding): Promise<Progress> {
  const title = stage.name.replace(/^./, (letter) => letter.toUpperCase());
  if (stderrIsTerminal() && process.env["TERM"] !== "dumb") {
    const { LiveLine } = await import("../ui/live-line.ts");
    return new LiveLine(title, stage.done, () => native.TerminalLock.acquire(), stage.patience);
  }
  return stage.progress ? new PlainLines(title, printLine) : silent;
}

function unfinished(stage: Stage): string {
  return stage.name === "save" || stage.name === "sync"
    ? "the destination is not complete"
    : "its stream is not complete";
}
