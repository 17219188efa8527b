import type { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { adviceOn, exitCodeOf, failureMessage } from "../../errors/explain.ts";
import { ReaderGoneError } from "../../errors/stream-errors.ts";
import type * as Binding from "../../native/binding.js";
import { removeUnfinished } from "../../transport/files/unfinished.ts";
import { terminateAll } from "../../transport/processes/child.ts";
import type { JsonLine } from "../../ui/json-line.ts";
import { printLine } from "../../ui/stderr.ts";

/** A line for people, or an event for programs. */
type Line = string | JsonLine;

/** End of a command. */
export interface CommandEnd {
  code: number;
  /** Result in words. */
  outcome: string | undefined;
  /** Reason of the failure, and what to do; undefined after a success. */
  failure: { message: string; advice: string } | undefined;
}

/** Parts of a command that its end needs. */
export interface EndingParts {
  /** Name of the command. */
  name: string;
  /** True if people read the output. They may stop reading at any time, which is not a failure then. */
  forPeople?: boolean;
  /** Called before the last lines are printed. Returns what could not be reported to others. */
  finish?: (end: CommandEnd) => CopyError | undefined;
  /** Makes the last line after a failure; a line for people, unless given. */
  failure?: (error: unknown, name: string) => Line;
}

/** Ends the process of a command in good order. */
export class Ending {
  readonly #native: typeof Binding;
  readonly #command: EndingParts;
  /** Result of the command, in words. */
  outcome: string | undefined;

  constructor(native: typeof Binding, command: EndingParts) {
    this.#native = native;
    this.#command = command;
  }

  /** Ends with an exit code, after these last lines. */
  end(code: number, failure?: CommandEnd["failure"], lines: readonly Line[] = []): never {
    const { name } = this.#command;
    const late = this.#report(code, failure);
    if (late !== undefined && failure === undefined) {
      return this.#exit(exitCodeOf(late), [errorLine(late, name)]);
    }
    const warning = late === undefined ? [] : [`WARNING (${name}): ${failureMessage(late)}`];
    return this.#exit(code, [...warning, ...lines]);
  }

  /** Ends after a failure. */
  fail(error: unknown): never {
    const { name, forPeople, failure = errorLine } = this.#command;
    if (forPeople === true && error instanceof ReaderGoneError) {
      return this.end(ExitCode.readerGone);
    }
    const words = { message: failureMessage(error), advice: adviceOn(error, name) };
    return this.end(exitCodeOf(error), words, [...trace(error), failure(error, name)]);
  }

  /** Reports the end; returns the error if that fails. */
  #report(code: number, failure: CommandEnd["failure"]): unknown {
    try {
      return this.#command.finish?.({ code, outcome: this.outcome, failure });
    } catch (error) {
      return error;
    }
  }

  #exit(code: number, lines: readonly Line[]): never {
    lines.forEach(printLine);
    removeUnfinished();
    terminateAll();
    restoreBlocking(this.#native);
    // Node's own exit waits for a read of a pipe that may stay silent for ever.
    this.#native.exitNow(code);
    throw new Error("the process has ended");
  }
}

/** Makes the standard descriptors blocking again: a terminal library changes that, also for others who have them open. */
function restoreBlocking(native: typeof Binding): void {
  for (const fd of [0, 1, 2]) {
    try {
      native.setBlocking(fd);
    } catch {
      // It is closed.
    }
  }
}

/** Makes the last line of standard error after a failure: what, where, and what to do. */
export function errorLine(error: unknown, name: string): string {
  return `ERROR (${name}): ${failureMessage(error)}; ${adviceOn(error, name)}`;
}

/** Returns the stack of an internal error, a line for each call. A message of several lines stays one line. */
function trace(error: unknown): string[] {
  return exitCodeOf(error) === ExitCode.internal &&
    error instanceof Error &&
    error.stack !== undefined
    ? [String(error), ...error.stack.split("\n").filter((line) => /^ {4}at /.test(line))]
    : [];
}
