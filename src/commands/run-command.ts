import { UsageError, type CopyError } from "../errors/copy-error.ts";
import { isatty } from "node:tty";

import type * as Binding from "../native/binding.js";
import { loadAddon } from "../native/load.ts";
import { stdoutWasClosed } from "../native/node-start.ts";
import { Cancellation } from "../blocks/cancellation.ts";
import { terminateAll } from "../transport/processes/child.ts";
import { ReaderGoneError, StreamError } from "../errors/stream-errors.ts";
import { removeUnfinished } from "../transport/files/unfinished.ts";
import type { JsonLine } from "../ui/json-line.ts";
import { printLine } from "../ui/stderr.ts";
import { adviceOn } from "../errors/explain.ts";
import { RUN_AGAIN } from "../errors/system-advice.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import { exitCodeOf } from "../errors/explain.ts";
import { onProgressAsked, onSignal, type Signal } from "../process/signals.ts";

/** Milliseconds that a command may take to end in good order before it says what it waits for. */
const PATIENCE = 1000;

/** A standard stream that carries data, with the name that messages have for it and what belongs at its other end. */
export interface DataStream {
  fd: 0 | 1;
  name: string;
  other: string;
}

/** What work of any command is given. */
interface Surroundings {
  /** The addon. */
  native: typeof Binding;
  /** Says something that only matters when looking for a fault. */
  debug: (message: string) => void;
  /** Tells if the command has to end early. */
  cancellation: Cancellation;
}

/** How a command ended. */
export interface End {
  /** The exit code. */
  code: number;
  /** What came of it, in words. */
  outcome: string | undefined;
  /** Why it failed, and what to do; undefined for one that did not. */
  failure: { message: string; advice: string } | undefined;
}

/** A command that ends the process. */
export interface Run {
  /** Its name. */
  name: string;
  /** Whether to say what matters only when looking for a fault. */
  verbose: boolean;
  /** Standard streams that may be no terminal. */
  streams: DataStream[];
  /** What is to be known of a run that a signal has cut off. */
  unfinished: string;
  /** What to do when it is run again after that. */
  again?: string;
  /** Whether its output is for people, who look at as much of it as they like: then that nobody reads on is no failure. */
  forPeople?: boolean;
  /** Whether its result goes to standard output, and not only a word about it to standard error. */
  printsResult?: boolean;
  /** By which it is asked to end early, where somebody else looks at that too. */
  cancellation?: Cancellation;
  /** Told how it ended, before the last lines are printed. Returns what went wrong in telling others, if anything did. */
  finish?: (end: End) => CopyError | undefined;
  /** Says how far it is, in one line: SIGUSR1 has asked. */
  tell: () => void;
  /** The last line when it fails, instead of one for people. */
  failure?: (error: unknown, name: string) => string | JsonLine;
  /** Does it, and says what came of it where that is worth a word. */
  work: (surroundings: Surroundings) => Promise<string | undefined>;
}

/** Runs a command and ends the process: the exit code, the last line of standard error, signals. */
export async function runCommand(run: Run): Promise<never> {
  let native: typeof Binding;
  try {
    native = loadAddon();
  } catch (error) {
    printLine((run.failure ?? errorLine)(error, run.name));
    process.exit(exitCodeOf(error));
  }
  let outcome: string | undefined;
  const end = (code: number, failure?: End["failure"], ...lines: (string | JsonLine)[]): never => {
    let late: unknown;
    try {
      late = run.finish?.({ code, outcome, failure });
    } catch (error) {
      late = error;
    }
    if (late !== undefined && code === ExitCode.success) {
      return finish(exitCodeOf(late), errorLine(late, run.name));
    }
    const said = late === undefined ? [] : [`WARNING (${run.name}): ${messageOf(late)}`];
    return finish(code, ...said, ...lines);
  };
  const finish = (code: number, ...lines: (string | JsonLine)[]): never => {
    for (const line of lines) {
      printLine(line);
    }
    removeUnfinished();
    terminateAll();
    restoreBlocking(native);
    // Node's own exit waits for a read of a pipe that may stay silent for ever.
    native.exitNow(code);
    throw new Error("the process has ended");
  };
  const fail = (error: unknown): never =>
    run.forPeople === true && error instanceof ReaderGoneError
      ? end(ExitCode.readerGone)
      : end(
          exitCodeOf(error),
          { message: messageOf(error), advice: adviceOn(error, run.name) },
          ...trace(error),
          (run.failure ?? errorLine)(error, run.name),
        );

  onProgressAsked(run.tell);
  const cancellation = run.cancellation ?? new Cancellation();
  onSignal((signal, code) => {
    if (cancellation.request(signal, code)) {
      setTimeout(
        () => printLine(`blockcopy ${run.name}: ${waitingText(signal)}`),
        PATIENCE,
      ).unref();
      return;
    }
    const message = `ended by ${signal}, ${run.unfinished}`;
    const advice = run.again ?? RUN_AGAIN;
    end(code, { message, advice }, `ERROR (${run.name}): ${message}; ${advice}`);
  });
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);

  const debug = (message: string): void => {
    if (run.verbose) {
      printLine(`blockcopy ${run.name}: ${message}`);
    }
  };
  try {
    refuseClosedOutput(run);
    refuseTerminals(run.streams);
    outcome = await run.work({ native, debug, cancellation });
    debug(outcome === undefined ? "done" : `done: ${outcome}`);
  } catch (error) {
    fail(error);
  }
  return end(ExitCode.success);
}

function waitingText(signal: Signal): string {
  return `${signal}: it ends when what has been written is on the disk; a second signal ends it at once`;
}

/** What importing a terminal library does to the standard descriptors is undone, also of those that others go on with. */
function restoreBlocking(native: typeof Binding): void {
  for (const fd of [0, 1, 2]) {
    try {
      native.setBlocking(fd);
    } catch {
      // It is closed, so it is nobody's.
    }
  }
}

/**
 * What goes to a closed standard output would be lost without a word.
 *
 * @throws StreamError
 */
function refuseClosedOutput({ streams, forPeople, printsResult }: Run): void {
  const output = streams.find(({ fd }) => fd === 1)?.name;
  if (stdoutWasClosed && (output !== undefined || forPeople === true || printsResult === true)) {
    throw new StreamError(`writing the ${output ?? "result"} to standard output`, "EBADF", 0);
  }
}

/** Data neither goes to a terminal nor comes from one. */
function refuseTerminals(streams: DataStream[]): void {
  for (const { fd, name, other } of streams) {
    if (isatty(fd)) {
      const what =
        fd === 1 ? "will not write binary data to terminal" : "there is no data on a terminal";
      throw new UsageError(`${name} is a tty - ${what}`, `connect it to \`${other}\` or to a file`);
    }
  }
}

/** The last line of standard error when a command fails: what, where, and what to do. */
function errorLine(error: unknown, name: string): string {
  return `ERROR (${name}): ${messageOf(error)}; ${adviceOn(error, name)}`;
}

/** What a failure says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The stack of an internal error, one line each. A message of several lines stays one line. */
function trace(error: unknown): string[] {
  return exitCodeOf(error) === ExitCode.internal &&
    error instanceof Error &&
    error.stack !== undefined
    ? [String(error), ...error.stack.split("\n").filter((line) => /^ {4}at /.test(line))]
    : [];
}
