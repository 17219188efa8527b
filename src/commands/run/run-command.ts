import { Cancellation } from "../../blocks/cancellation.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { CopyError } from "../../errors/copy-error.ts";
import { exitCodeOf } from "../../errors/explain.ts";
import { withCode } from "../../errors/stream-errors.ts";
import { RUN_AGAIN } from "../../errors/system-advice.ts";
import type * as Binding from "../../native/binding.js";
import { loadAddon } from "../../native/load.ts";
import { onProgressAsked, onSignal, type Signal } from "../../process/signals.ts";
import { writeByEngine } from "../../ui/line-sink.ts";
import { printLine } from "../../ui/stderr.ts";
import {
  type DataStream,
  refuseClosedInput,
  refuseClosedOutput,
  refuseTerminals,
} from "./data-streams.ts";
import { Ending, type EndingParts, errorLine } from "./ending.ts";

/** Milliseconds that a command may take to end in good order before it says what it waits for. */
const PATIENCE = 1000;

/** Everything that the work of a command is given. */
interface Surroundings {
  native: typeof Binding;
  /** Prints details, if they are wanted. */
  debug: (message: string) => void;
  /** Tells if the command has to end early. */
  cancellation: Cancellation;
}

/** A command that ends the process. */
export interface CommandRun extends EndingParts {
  /** Print details. */
  verbose: boolean;
  /** Standard streams that must not be a terminal. */
  streams: readonly DataStream[];
  /** State after a signal, for the last line. */
  unfinished: string;
  /** Advice after a signal. */
  again?: string;
  /** True if a result goes to standard output. */
  printsResult?: boolean;
  /** Returns the exit code after a success; 0, unless given. */
  successCode?: () => number;
  /** Asks the command to end early; given if others look at it too. */
  cancellation?: Cancellation;
  /** Prints progress in one line: SIGUSR1 has asked. */
  tell: () => void;
  /** Does the work, and returns its result in words if there is anything to say. */
  work: (surroundings: Surroundings) => Promise<string | undefined>;
}

/** Runs a command and ends the process: signals, the last line of standard error, the exit code. */
export async function runCommand(run: CommandRun): Promise<never> {
  const native = addonFor(run);
  const ending = new Ending(native, run);
  const cancellation = run.cancellation ?? new Cancellation();
  onProgressAsked(run.tell);
  onSignal((signal, code) => stopBy(signal, code, { run, ending, cancellation }));
  process.on("uncaughtException", (error) => ending.failNow(error));
  process.on("unhandledRejection", (error) => ending.failNow(error));
  const debug = (message: string): void => {
    if (run.verbose) {
      printLine(`blockcopy ${run.name}: ${message}`);
    }
  };
  try {
    refuseClosedOutput(run);
    refuseClosedInput(run.streams);
    refuseTerminals(run.streams);
    ending.outcome = await run.work({ native, debug, cancellation });
    debug(ending.outcome === undefined ? "done" : `done: ${ending.outcome}`);
  } catch (error) {
    return ending.fail(error);
  }
  return ending.end(run.successCode?.() ?? ExitCode.success);
}

/** Loads the addon. Without it, only Node can end the process. */
function addonFor({ name, failure = errorLine }: CommandRun): typeof Binding {
  try {
    const native = loadAddon();
    writeByEngine((fd, bytes) => withCode(() => native.writeNow(fd, bytes)));
    return native;
  } catch (error) {
    printLine(failure(error, name));
    return process.exit(exitCodeOf(error));
  }
}

/** Reacts to a signal: the first lets the command end in good order if it can, a second ends it at once. */
function stopBy(
  signal: Signal,
  code: number,
  { run, ending, cancellation }: { run: CommandRun; ending: Ending; cancellation: Cancellation },
): void {
  if (ending.hasTold) {
    return ending.endNow(code);
  }
  if (cancellation.request(signal, code)) {
    const waiting = `${signal}: it ends when everything written is on the disk; a second signal ends it at once`;
    setTimeout(() => printLine(`blockcopy ${run.name}: ${waiting}`), PATIENCE).unref();
    return;
  }
  ending.failNow(
    new CopyError(`ended by ${signal}, ${run.unfinished}`, run.again ?? RUN_AGAIN, code),
  );
}
