import { isatty } from "node:tty";

import type * as Binding from "../native/binding.js";
import { loadAddon } from "../native/load.ts";
import { OptionError, type StageContext } from "../stages/context.ts";
import { PlainLines } from "../ui/plain-lines.ts";
import { type Progress, silent } from "../ui/progress.ts";
import { printLine, stderrIsTerminal } from "../ui/stderr.ts";
import { adviceOn, RUN_AGAIN } from "./advice.ts";
import { forcedSimd, wantsExactWire } from "./environment.ts";
import { ExitCode, exitCodeOf } from "./exit-codes.ts";
import type { IoOptions } from "./io-options.ts";
import { onSignal } from "./signals.ts";

/** A stage, as the commands start it. */
export interface Stage {
  /** `checksum`, `retrieve` or `save`. */
  name: string;
  /** Whether to say what matters only when looking for a fault. */
  verbose: boolean;
  /** Whether progress is wanted where there is no terminal. */
  progress: boolean;
  /** Standard streams that carry data, with the names that messages have for them. */
  streams: { fd: 0 | 1; name: string; other: string }[];
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
export async function runStage(stage: Stage): Promise<never> {
  let native: typeof Binding;
  try {
    native = loadAddon();
  } catch (error) {
    printLine(errorLine(stage.name, error));
    process.exit(exitCodeOf(error));
  }
  let progress: Progress = silent;
  let outcome: string | undefined;
  const end = (code: number, ...lines: string[]): never => {
    progress.finish(code === ExitCode.success, outcome);
    for (const line of lines) {
      printLine(line);
    }
    // Node's own exit waits for a read of a pipe that may stay silent for ever.
    native.exitNow(code);
    throw new Error("the process has ended");
  };
  const fail = (error: unknown): never =>
    end(exitCodeOf(error), ...trace(error), errorLine(stage.name, error));

  onSignal((signal, code) => {
    const what = `ended by ${signal}, ${unfinished(stage)}`;
    end(code, `ERROR (${stage.name}): ${what}; ${RUN_AGAIN}`);
  });
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);

  const debug = (message: string): void => {
    if (stage.verbose) {
      printLine(`blockcopy ${stage.name}: ${message}`);
    }
  };
  try {
    refuseTerminals(stage);
    // Every stage refuses a wire that nobody knows, also those whose bytes do not depend on it.
    wantsExactWire();
    progress = await progressFor(stage, native);
    const { direct, threads, queueDepth } = stage.io;
    const engine = new native.Engine({ simd: forcedSimd(), threads, queueDepth });
    debug(engine.description);
    const warn = (message: string): void => printLine(`WARNING (${stage.name}): ${message}`);
    outcome = await stage.work({ native, engine, direct, progress, warn, debug });
    debug(outcome === undefined ? "done" : `done: ${outcome}`);
  } catch (error) {
    fail(error);
  }
  return end(ExitCode.success);
}

/** Data neither goes to a terminal nor comes from one. */
function refuseTerminals(stage: Stage): void {
  for (const { fd, name, other } of stage.streams) {
    if (isatty(fd)) {
      const what =
        fd === 1 ? "will not write binary data to terminal" : "there is no data on a terminal";
      throw new OptionError(
        `${name} is a tty - ${what}`,
        `connect it to \`${other}\` or to a file`,
      );
    }
  }
}

async function progressFor(stage: Stage, native: typeof Binding): Promise<Progress> {
  const title = stage.name.replace(/^./, (letter) => letter.toUpperCase());
  if (stderrIsTerminal() && process.env["TERM"] !== "dumb") {
    const { LiveLine } = await import("../ui/live-line.ts");
    return new LiveLine(title, stage.done, () => native.TerminalLock.acquire(), stage.patience);
  }
  return stage.progress ? new PlainLines(title, printLine) : silent;
}

/** The last line of standard error when a stage fails: what, where, and what to do. */
function errorLine(stage: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return `ERROR (${stage}): ${message}; ${adviceOn(error, stage)}`;
}

/** Where a fault of the program itself came from. */
function trace(error: unknown): string[] {
  return exitCodeOf(error) === ExitCode.internal &&
    error instanceof Error &&
    error.stack !== undefined
    ? [error.stack]
    : [];
}

function unfinished(stage: Stage): string {
  return stage.name === "save" || stage.name === "sync"
    ? "the destination is not complete"
    : "its stream is not complete";
}
