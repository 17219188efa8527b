import { setTimeout as sleep } from "node:timers/promises";

import { type Child, type ExitStatus, hasSucceeded, startChild } from "./child.ts";
import { type ControlPipe, type Pipe, PipeEnds, type PipeMaker } from "./pipes.ts";
import { type Grace, stopChild } from "./stop-child.ts";

/** Milliseconds that a program may take to end by itself after another has failed, and to react to SIGTERM. */
const GRACE = { toEnd: 3000, afterSigterm: 2000 } as const;

/** The same for a program that has to sync what it has written, or to remove a snapshot. */
const DISK_MILLISECONDS = 30_000;

/** Starts work of this process in the place of a program. It closes the descriptors that it is given. */
export type Within = (io: {
  stdin: number;
  stdout: number;
  /** Called with each line that the program would print on standard error. */
  onLine: (text: string) => void;
}) => Child;

/** One program of a pipeline. */
export interface Program {
  /** Returns the program and its arguments. Called when it is to be started. */
  command: () => readonly [string, ...string[]];
  /** Does the work of the program within this process instead. */
  within?: Within | undefined;
  /** Called when it has been started. */
  onStart?: () => void;
  /** Called with each line that it prints on standard error. */
  onLine: (text: string) => void;
  /** Tells if it has succeeded, where the exit code alone does not. */
  isDone?: (status: ExitStatus) => boolean;
  /** Delays the start until it resolves. Ignored once a program has failed, or if no running program could resolve it. */
  startAfter?: Promise<unknown>;
  /** The others wait for its output. A cancellation is sent to it alone; the others see the end of their streams. */
  isProducer?: boolean;
  /** It has something to remove when it ends early, and gets more time for that. */
  tidiesUp?: boolean;
  /** It writes to a disk, and gets more time to end. On this host (`here`) a cancellation signals it; elsewhere it sees the end of its stream. */
  writesDisk?: "here" | "elsewhere";
}

/** Signals that end the programs early. */
export interface StopSignals {
  /** Ends all programs. */
  abort: AbortSignal;
  /** Ends the producers, and gives the programs that write to a disk time to sync. */
  cancel?: AbortSignal;
}

/** The end of a pipeline. */
export interface PipelineResult {
  /** The exit status of each program, in the order of the list; undefined for one that was not started because another had failed. */
  statuses: (ExitStatus | undefined)[];
  /** The place of the program that failed first, if one did. */
  firstFailed: number | undefined;
}

/**
 * Runs programs that are joined by pipes until all have ended. When one fails, the others get a moment to say why their streams ended, and
 * are then stopped. A standard stream without a pipe is /dev/null.
 *
 * @throws whatever a `Take` has thrown, once all programs have ended: nothing is read after that, which ends them
 */
export function runPipeline(
  native: PipeMaker,
  programs: readonly Program[],
  pipes: readonly (Pipe | ControlPipe)[],
  { abort, cancel }: StopSignals,
): Promise<PipelineResult> {
  const pipeline = new Pipeline(programs, new PipeEnds(native, pipes));
  abort.addEventListener("abort", () => pipeline.abort());
  cancel?.addEventListener("abort", () => pipeline.cancel());
  return pipeline.finished();
}

class Pipeline {
  readonly #programs: readonly Program[];
  readonly #ends: PipeEnds;
  readonly #children = new Map<number, Child>();
  readonly #statuses: Promise<ExitStatus | undefined>[];
  /** Resolves when a program has failed or none is running: nothing is left that could resolve a `startAfter`. */
  readonly #noMoreStarts: Promise<void>;
  #resolveNoMoreStarts!: () => void;
  #running = 0;
  #isCancelled = false;
  /** The program that failed first, by the time of its end: its last lines may have come after those of others. */
  #firstFailure: { place: number; at: number } | undefined;

  constructor(programs: readonly Program[], ends: PipeEnds) {
    this.#programs = programs;
    this.#ends = ends;
    this.#noMoreStarts = new Promise((resolve) => (this.#resolveNoMoreStarts = resolve));
    this.#statuses = programs.map((program, place) => this.#run(program, place));
  }

  /** Ends all programs, with SIGKILL if need be: a stopped process ignores SIGTERM. */
  abort(): void {
    for (const child of this.#children.values()) {
      void stopChild(child, { ...GRACE, toEnd: 0 });
    }
  }

  /** Ends the producers. The connection to a host that writes must stay until its stage has seen the end of its stream. */
  cancel(): void {
    this.#isCancelled = true;
    for (const [place, child] of this.#children) {
      const { isProducer, writesDisk } = this.#programs[place] ?? {};
      if (isProducer === true) {
        void stopChild(child, { ...this.#graceOf(place), toEnd: 0 });
      } else if (writesDisk === "here") {
        child.kill("SIGTERM");
      }
    }
  }

  async finished(): Promise<PipelineResult> {
    const epilogues = Promise.all(
      this.#ends.epilogues.map((epilogue) => this.#writeEpilogue(epilogue)),
    );
    const taken = this.#ends.taken();
    const statuses = await Promise.all(this.#statuses);
    // A program may have left a child that keeps its end of a pipe open for ever.
    const patience = this.#hasFailed ? sleep(GRACE.afterSigterm) : never();
    await Promise.race([epilogues, patience]);
    for (const result of (await Promise.race([taken, patience])) ?? []) {
      if (result.status === "rejected") {
        throw result.reason;
      }
    }
    return { statuses, firstFailed: this.#firstFailure?.place };
  }

  get #hasFailed(): boolean {
    return this.#firstFailure !== undefined;
  }

  /** Runs one program, and stops the others if it fails. */
  async #run(program: Program, place: number): Promise<ExitStatus | undefined> {
    if (program.startAfter !== undefined) {
      await Promise.race([program.startAfter, this.#noMoreStarts]);
    }
    const child = this.#start(program, place);
    if (child === undefined) {
      return undefined;
    }
    const { status, at } = await child.ended;
    this.#ends.hangUp(place);
    this.#running -= 1;
    const failed = !succeeded(program, status);
    if (failed && at < (this.#firstFailure?.at ?? Infinity)) {
      this.#firstFailure = { place, at };
    }
    if (this.#hasFailed || this.#running === 0) {
      this.#resolveNoMoreStarts();
    }
    if (failed) {
      this.#ends.hangUp();
      await this.#stopAll();
    }
    return status;
  }

  /** Starts a program, unless another one has failed. */
  #start(program: Program, place: number): Child | undefined {
    if (this.#hasFailed) {
      this.#ends.close(place);
      return undefined;
    }
    const child = this.#startChild(program, place);
    program.onStart?.();
    this.#children.set(place, child);
    this.#running += 1;
    return child;
  }

  #startChild(program: Program, place: number): Child {
    const { command, within, onLine } = program;
    const { stdin, stdout } = this.#ends.of(place);
    if (within === undefined) {
      const child = startChild({ command: command(), stdin, stdout, onLine });
      this.#ends.close(place);
      return child;
    }
    if (stdin === "ignore" || stdout === "ignore") {
      throw new TypeError("work of this process needs both of its pipes");
    }
    return within({ stdin, stdout, onLine });
  }

  async #stopAll(): Promise<void> {
    await Promise.all(
      Array.from(this.#children, ([place, child]) => stopChild(child, this.#graceOf(place))),
    );
  }

  #graceOf(place: number): Grace {
    const { writesDisk, tidiesUp = false } = this.#programs[place] ?? {};
    if (writesDisk === undefined) {
      return tidiesUp ? { ...GRACE, afterSigterm: DISK_MILLISECONDS } : GRACE;
    }
    const toEnd = this.#isCancelled ? DISK_MILLISECONDS : GRACE.toEnd;
    return { toEnd, afterSigterm: DISK_MILLISECONDS };
  }

  /** Writes the text after the output of a program if all programs that it waits for succeed; else only closes the pipe. */
  async #writeEpilogue({ after, finish }: PipeEnds["epilogues"][number]): Promise<void> {
    const successes = after.map((other) => this.#succeeds(other));
    // The reader must not wait for the rest once one program has failed.
    const stopped = this.#noMoreStarts.then(() => !this.#hasFailed && allTrue(successes));
    const success = await Promise.race([allTrue(successes), stopped]);
    await finish(success);
  }

  async #succeeds(place: number): Promise<boolean> {
    const [program, status] = [this.#programs[place], await this.#statuses[place]];
    return program !== undefined && status !== undefined && succeeded(program, status);
  }
}

function succeeded({ isDone = hasSucceeded }: Program, status: ExitStatus): boolean {
  return isDone(status);
}

/** Resolves to true when all promises have resolved to true, or to false as soon as one has not. */
function allTrue(promises: readonly Promise<boolean>[]): Promise<boolean> {
  const each = promises.map(async (promise) => {
    if (!(await promise)) {
      throw new Error("it has failed");
    }
  });
  return Promise.all(each).then(
    () => true,
    () => false,
  );
}

function never(): Promise<undefined> {
  return new Promise(() => undefined);
}
