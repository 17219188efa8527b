import { setTimeout as sleep } from "node:timers/promises";

import { clock } from "../../native/clock.ts";
import { type Child, type Exit, type ExitStatus, hasSucceeded, startChild } from "./child.ts";
import { Epilogues } from "./epilogues.ts";
import { type AnyPipe, PipeEnds, type PipeMaker } from "./pipes.ts";
import { GRACE, graceOf, mayHaveWritten } from "./grace.ts";
import type { Program, ProgramEnd, ProgramGroup } from "./program.ts";
import { stopChild } from "./stop-child.ts";

/**
 * Milliseconds from an abort until programs that have not ended are given up. Not even SIGKILL ends one that waits in the kernel for a disk
 * or a file system (such as FUSE) that never answers.
 */
const TO_ABORT = GRACE.afterSigterm + 5000;

/** Milliseconds before programs are replaced: if a whole host has gone, other connections show it in that time. */
const PAUSE = 300;

/** The ways in which a pipeline differs from one that runs until all have ended or one has failed. */
export interface PipelineOptions {
  /** Ends all programs. */
  abort: AbortSignal;
  /** Ends the producers, and gives the programs that write to a disk time to sync. */
  cancel?: AbortSignal;
  /** Programs that may be replaced. */
  groups?: readonly ProgramGroup[];
}

/** The end of one program, its time, and if it is a failure. */
interface Ended extends ProgramEnd {
  /** Its time in milliseconds of `clock`. */
  at: number;
  failed: boolean;
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
  pipes: readonly AnyPipe[],
  { abort, cancel, groups = [] }: PipelineOptions,
): Promise<PipelineResult> {
  const pipeline = new Pipeline(programs, new PipeEnds(native, pipes), groups);
  abort.addEventListener("abort", () => pipeline.abort());
  cancel?.addEventListener("abort", () => pipeline.cancel());
  return pipeline.finished();
}

class Pipeline {
  readonly #programs: Program[];
  readonly #ends: PipeEnds;
  readonly #children = new Map<number, Child>();
  readonly #statuses: Promise<ExitStatus | undefined>[];
  readonly #groups: readonly ProgramGroup[];
  /** The ends of the programs that groups have now. */
  readonly #members = new Map<number, Promise<Ended | undefined>>();
  readonly #epilogues: Epilogues;
  /** Resolves when a program has failed or none is running: nothing is left that could resolve a `startAfter`. */
  readonly #noMoreStarts: Promise<void>;
  /** Aborted when no program is to be started again. */
  readonly #ending = new AbortController();
  #resolveNoMoreStarts!: () => void;
  /** Resolves some time after an abort, in place of the end of programs that no signal ends. */
  readonly #abandoned: Promise<Exit>;
  #abandon!: (exit: Exit) => void;
  #running = 0;
  #isCancelled = false;
  #isAborted = false;
  /** The program that failed first, by the time of its end: its last lines may have come after those of others. */
  #firstFailure: { place: number; at: number } | undefined;

  constructor(programs: readonly Program[], ends: PipeEnds, groups: readonly ProgramGroup[]) {
    this.#programs = [...programs];
    this.#ends = ends;
    this.#groups = groups;
    this.#noMoreStarts = new Promise((resolve) => (this.#resolveNoMoreStarts = resolve));
    this.#abandoned = new Promise((resolve) => (this.#abandon = resolve));
    this.#epilogues = new Epilogues({
      noMoreStarts: this.#noMoreStarts,
      hasFailed: () => this.#hasFailed,
      succeeds: (place, reader) => this.#succeeds(place, reader),
    });
    const grouped = new Map<number, Promise<ExitStatus | undefined>>();
    for (const group of groups) {
      const statuses = this.#runGroup(group);
      group.places.forEach((place, index) => {
        grouped.set(
          place,
          statuses.then((all) => all[index]),
        );
      });
    }
    this.#statuses = programs.map((_, place) => grouped.get(place) ?? this.#run(place));
  }

  /** Ends all programs, with SIGKILL if need be: a stopped process ignores SIGTERM. Those that do not end even then are not waited for. */
  abort(): void {
    this.#isAborted = true;
    this.#ending.abort();
    for (const child of this.#children.values()) {
      void stopChild(child, { ...GRACE, toEnd: 0 });
    }
    setTimeout(() => this.#abandon({ status: { signal: "SIGKILL" }, at: clock() }), TO_ABORT);
  }

  /**
   * Ends the producers. The connection to a host that writes must stay until its stage has seen the end of its stream; one that is not
   * made yet, or waits for something else, is given up.
   */
  cancel(): void {
    this.#isCancelled = true;
    this.#ending.abort();
    for (const [place, child] of this.#children) {
      const program = this.#programs[place];
      const { isProducer, writesDisk } = program ?? {};
      if (isProducer === true || (writesDisk === "elsewhere" && !mayHaveWritten(program))) {
        void stopChild(child, { ...graceOf(program, { isCancelled: true }), toEnd: 0 });
      } else if (writesDisk === "here") {
        child.kill("SIGTERM");
      }
    }
  }

  async finished(): Promise<PipelineResult> {
    this.#epilogues.begin(this.#ends.takeEpilogues());
    const taken = this.#ends.taken();
    const statuses = await Promise.all(this.#statuses);
    const epilogues = this.#epilogues.finished();
    // A program may have left a child that keeps its end of a pipe open for ever. All that the programs have written is in the pipe by now.
    const patience = this.#hasFailed ? sleep(GRACE.afterSigterm) : undefined;
    await Promise.race([epilogues, patience ?? never()]);
    for (const result of (await Promise.race([taken, patience ?? this.#ends.quiet()])) ?? []) {
      if (result.status === "rejected") {
        throw result.reason;
      }
    }
    return { statuses, firstFailed: this.#firstFailure?.place };
  }

  get #hasFailed(): boolean {
    return this.#firstFailure !== undefined;
  }

  /** True if no program is to be replaced any more. */
  get #isEnding(): boolean {
    return this.#hasFailed || this.#isCancelled || this.#isAborted;
  }

  /** Runs one program, and stops the others if it fails. */
  async #run(place: number): Promise<ExitStatus | undefined> {
    const ended = await this.#runOnce(place);
    if (ended?.failed === true) {
      await this.#fail(ended);
    }
    return ended?.status;
  }

  /** Runs a group of programs, and those that replace them. Stops the others if they fail. */
  async #runGroup(group: ProgramGroup): Promise<(ExitStatus | undefined)[]> {
    for (let isReplacement = false; ; isReplacement = true) {
      const members = group.places.map((place) => {
        const member = this.#runMember(group, place);
        this.#members.set(place, member);
        return member;
      });
      if (isReplacement) {
        this.#epilogues.begin(this.#ends.takeEpilogues());
      }
      const all = await Promise.all(members);
      const ends = all.filter((ended) => ended !== undefined);
      const failures = ends.filter(({ failed }) => failed);
      const statuses = all.map((ended) => ended?.status);
      const fail = (): Promise<void[]> => Promise.all(failures.map((ended) => this.#fail(ended)));
      if (failures.length === 0) {
        return statuses;
      }
      const isReplaced = await this.#isReplaced(group, ends).catch(async (error) => {
        await fail();
        throw error;
      });
      if (!isReplaced) {
        await fail();
        return statuses;
      }
    }
  }

  /** Runs one program of a group. If it may have been lost with its connection, the others of the group end too. */
  async #runMember({ places, mayBeLost }: ProgramGroup, place: number): Promise<Ended | undefined> {
    const ended = await this.#runOnce(place);
    if (ended?.failed === true) {
      if (this.#isEnding || !mayBeLost(place, ended.status)) {
        await this.#fail(ended);
      } else {
        await this.#stop(places);
      }
    }
    return ended;
  }

  /** Prepares the programs that take the place of a group that has ended. Returns false if none may. */
  async #isReplaced(group: ProgramGroup, ends: readonly Ended[]): Promise<boolean> {
    const { places, replace } = group;
    const inOrder = [...ends].sort((one, other) => one.at - other.at);
    if (!this.#isEnding) {
      const pause = Math.max(PAUSE, group.pause(inOrder));
      await sleep(pause, undefined, this.#ending).catch(() => undefined);
    }
    const isWhole = ends.length === places.length;
    const replacement = isWhole && !this.#isEnding ? replace(inOrder) : undefined;
    if (replacement === undefined) {
      return false;
    }
    places.forEach((place, index) => {
      const program = replacement.programs[index];
      if (program !== undefined) {
        this.#programs[place] = program;
      }
    });
    await this.#epilogues.drop(places);
    this.#ends.add(replacement.pipes);
    return true;
  }

  /** Runs one program. Returns undefined if it is not started because another one has failed. */
  async #runOnce(place: number): Promise<Ended | undefined> {
    const program = this.#programs[place];
    if (program === undefined) {
      return undefined;
    }
    if (program.startAfter !== undefined) {
      await Promise.race([program.startAfter, this.#noMoreStarts]);
    }
    const exit = await this.#runWithLogin(program, place).catch(async (error: unknown) => {
      // Its command could not be made: nothing may go on without it.
      this.#ends.close(place);
      await this.#fail({ place, at: clock() });
      throw error;
    });
    if (exit === undefined) {
      return undefined;
    }
    const { status, at } = exit;
    if (program.login !== undefined) {
      this.#ends.close(place);
    }
    this.#ends.hangUp(place);
    this.#running -= 1;
    if (this.#running === 0) {
      this.#resolveNoMoreStarts();
    }
    return { place, status, at, failed: !succeeded(program, status) };
  }

  /** Runs a program, and starts it again as long as its login says so. */
  async #runWithLogin(program: Program, place: number): Promise<Exit | undefined> {
    const { login } = program;
    for (;;) {
      if (login !== undefined) {
        await Promise.race([login.turn(), this.#noMoreStarts]);
      }
      const child = this.#start(program, place);
      const exit = child && (await Promise.race([child.ended, this.#abandoned]));
      const wait = login?.ended(exit?.status);
      if (exit === undefined || wait === undefined) {
        return exit;
      }
      // The program counts as running in the meantime.
      await sleep(wait, undefined, this.#ending).catch(() => undefined);
      if (this.#isEnding && !this.#hasFailed) {
        // Something has to have failed, but not before what has ended the wait.
        return { status: exit.status, at: clock() };
      }
      // If another program has failed, this one is not started any more, and does not count as a failure: it would have been started again.
      this.#running -= 1;
    }
  }

  /** Ends all programs because one has failed. */
  async #fail({ place, at }: Pick<Ended, "place" | "at">): Promise<void> {
    if (at < (this.#firstFailure?.at ?? Infinity)) {
      this.#firstFailure = { place, at };
    }
    this.#ending.abort();
    this.#resolveNoMoreStarts();
    this.#ends.hangUp();
    await this.#stop([...this.#children.keys()]);
  }

  /** Starts a program, unless another one has failed. */
  #start(program: Program, place: number): Child | undefined {
    if (this.#hasFailed) {
      this.#ends.close(place);
      return undefined;
    }
    const child = this.#startChild(program, place);
    program.onStart?.(() => void stopChild(child, { ...GRACE, toEnd: 0 }));
    this.#children.set(place, child);
    this.#running += 1;
    return child;
  }

  #startChild(program: Program, place: number): Child {
    const { command, within, login, onLine } = program;
    const { stdin, stdout } = this.#ends.of(place);
    if (within === undefined) {
      const child = startChild({ command: command(), stdin, stdout, onLine });
      // Until the login has succeeded, it may have to be started again with the same pipes.
      if (login === undefined) {
        this.#ends.close(place);
      } else {
        void login.done.then(() => this.#ends.close(place));
      }
      return child;
    }
    return within({ stdin, stdout, onLine });
  }

  /** Waits for programs to end by themselves, and ends those that do not. */
  async #stop(places: readonly number[]): Promise<void> {
    await Promise.all(
      places.map(async (place) => {
        this.#ends.hangUp(place);
        const child = this.#children.get(place);
        const grace = graceOf(this.#programs[place], { isCancelled: this.#isCancelled });
        await (child && stopChild(child, grace));
      }),
    );
  }

  /** Waits for the end of a program that `reader` waits for. Returns true if it has succeeded. */
  async #succeeds(place: number, reader: number): Promise<boolean> {
    const isOfReader = this.#groups.some(
      ({ places }) => places.includes(place) && places.includes(reader),
    );
    // The group of the reader ends only after the reader. If it is replaced, so is the epilogue.
    const status = isOfReader
      ? (await this.#members.get(place))?.status
      : await this.#statuses[place];
    // Only now: the program may have been replaced in the meantime.
    const program = this.#programs[place];
    return program !== undefined && status !== undefined && succeeded(program, status);
  }
}

function succeeded({ isDone = hasSucceeded }: Program, status: ExitStatus): boolean {
  return isDone(status);
}

function never(): Promise<undefined> {
  return new Promise(() => undefined);
}
