import type { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import { adviceOn, exitCodeOf, failureMessage } from "../../errors/explain.ts";
import { ReaderGoneError } from "../../errors/stream-errors.ts";
import type * as Binding from "../../native/binding.js";
import { removeUnfinished } from "../../transport/files/unfinished.ts";
import { terminateAll } from "../../transport/processes/child.ts";
import type { JsonLine } from "../../ui/json-line.ts";
import { flushLines, hurryLines, linesRead, printLine } from "../../ui/stderr.ts";

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
  #hasTold = false;
  #isTidy = false;

  constructor(native: typeof Binding, command: EndingParts) {
    this.#native = native;
    this.#command = command;
  }

  /** True once the last lines have been printed. From then on, it only waits for their readers. */
  get hasTold(): boolean {
    return this.#hasTold;
  }

  /** Ends with an exit code, once all lines have been read. */
  end(code: number): Promise<never> {
    return this.#leave(this.#tell(code));
  }

  /** Ends after a failure, once all lines have been read. */
  fail(error: unknown): Promise<never> {
    return this.#leave(this.#tellFailure(error));
  }

  /** Ends at once after a failure. Whoever reads the lines gets a moment to do so. */
  failNow(error: unknown): never {
    return this.endNow(this.#tellFailure(error));
  }

  /** Ends at once with an exit code. */
  endNow(code: number): never {
    this.#tidyUp();
    hurryLines();
    flushLines();
    return this.#exit(code);
  }

  /** Prints the last lines after a failure. Returns the exit code. */
  #tellFailure(error: unknown): number {
    const { name, forPeople, failure = errorLine } = this.#command;
    if (forPeople === true && error instanceof ReaderGoneError) {
      return this.#tell(ExitCode.readerGone);
    }
    const words = { message: failureMessage(error), advice: adviceOn(error, name) };
    return this.#tell(exitCodeOf(error), words, [...trace(error), failure(error, name)]);
  }

  /** Reports the end, and prints the last lines. Returns the exit code. */
  #tell(code: number, failure?: CommandEnd["failure"], lines: readonly Line[] = []): number {
    const { name } = this.#command;
    const late = this.#report(code, failure);
    this.#hasTold = true;
    if (late !== undefined && failure === undefined) {
      printLine(errorLine(late, name));
      return exitCodeOf(late);
    }
    const warning = late === undefined ? [] : [`WARNING (${name}): ${failureMessage(late)}`];
    [...warning, ...lines].forEach(printLine);
    return code;
  }

  /** Reports the end; returns the error if that fails. */
  #report(code: number, failure: CommandEnd["failure"]): unknown {
    try {
      return this.#command.finish?.({ code, outcome: this.outcome, failure });
    } catch (error) {
      return error;
    }
  }

  /** Ends the process once all lines have been read. A signal does not wait for that, see {@link hasTold}. */
  async #leave(code: number): Promise<never> {
    this.#tidyUp();
    await linesRead();
    return this.#exit(code);
  }

  #tidyUp(): void {
    if (!this.#isTidy) {
      this.#isTidy = true;
      removeUnfinished();
      terminateAll();
    }
  }

  #exit(code: number): never {
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
