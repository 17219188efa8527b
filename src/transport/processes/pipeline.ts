import { closeSync, write } from "node:fs";
import { promisify } from "node:util";

import type * as Binding from "../../native/binding.js";
import { type Child, type Ended, hasSucceeded, startChild } from "./child.ts";
import { drain, pump, type Take } from "../streams/pump.ts";

const writeSome = promisify(write);

/** Bytes that a pipe between two processes holds. */
const PIPE_LENGTH = 1024 * 1024;

/** How long, in milliseconds, a process may take to end by itself once another has failed; and then, once it was told to. */
const GRACE = { consequence: 3000, terminated: 2000 };

/** The same for what has to bring to the disk what it has written. */
const DISK_MILLISECONDS = 30_000;

/** One of several programs. */
export interface Program {
  command: readonly [string, ...string[]];
  /** Told when it is started. */
  started?: () => void;
  /** Told of each line that it prints on standard error. */
  line: (text: string) => void;
  /** True if it has succeeded, where its exit code alone does not tell. */
  isDone?: (ended: Ended) => boolean;
  /** It is started when this has come; at once if there is none. Once another has failed, or none runs from which it could come, that is not waited for. */
  after?: Promise<unknown>;
  /** The others wait for it. When all are to end early and in good order, only it is told; the others notice by their streams. */
  feeds?: boolean;
  /** It writes to a disk, and needs time when it is told to end. One that is told by a signal, and not by its stream, is `signalled`: it runs here. */
  writes?: "signalled" | "elsewhere";
}

/** Signals that end programs from outside. */
export interface Ending {
  /** All are told to end. */
  now: AbortSignal;
  /** Those that feed others are told to end, and those that write have time to bring what they have to the disk. */
  early?: AbortSignal;
}

/** A pipe from the standard output of one program to the standard input of another, by their places in the list, or to this process. */
export interface Joint {
  from: number;
  to: number | Take;
  /** What goes through it goes through this process: so both end with it, also when neither would notice. */
  leashed?: boolean;
  /** What the other program is to read first; all that follows goes through this process too. */
  preface?: AsyncIterable<Uint8Array> | undefined;
  /** What comes behind all that `from` writes, once that and these other programs have ended well. */
  epilogue?: { after: readonly number[]; text: string };
}

/** How several programs ended. */
export interface JoinedEnd {
  /** Each, in the order of the list; undefined for one that was not started, because another had failed. */
  ended: (Ended | undefined)[];
  /** Which of them failed first, if any did. */
  first: number | undefined;
}

/**
 * Runs programs that read what others of them write, until all have ended. When one fails, the others are given a moment to say
 * why their streams have ended, and are then told to end. An end that no joint names is /dev/null.
 *
 * @throws what a `Take` has thrown, when all have ended: nobody reads on then, which ends the programs
 */
export function runJoined(
  native: Pick<typeof Binding, "makePipe">,
  programs: readonly Program[],
  joints: readonly Joint[],
  { now, early }: Ending,
): Promise<JoinedEnd> {
  const joined = new Joined(native, programs, joints);
  now.addEventListener("abort", () => joined.terminate());
  early?.addEventListener("abort", () => joined.stopFeeding());
  return joined.end();
}

class Joined {
  readonly #programs: readonly Program[];
  readonly #inputs = new Map<number, number>();
  readonly #outputs = new Map<number, number>();
  /** Ends of pipes that stay open here for what is written to them at last. */
  readonly #held = new Map<number, Joint["epilogue"] & object>();
  readonly #taking: Promise<void>[] = [];
  readonly #children = new Map<number, Child>();
  readonly #ending: Promise<Ended | undefined>[];
  /** Comes when there is no more to wait for before the next is started. */
  readonly #stalled: Promise<void>;
  #tellOfStall!: () => void;
  #running = 0;
  #early = false;
  #first: number | undefined;

  constructor(
    native: Pick<typeof Binding, "makePipe">,
    programs: readonly Program[],
    joints: readonly Joint[],
  ) {
    this.#programs = programs;
    this.#stalled = new Promise((resolve) => (this.#tellOfStall = resolve));
    for (const { from, to, leashed, preface, epilogue } of joints) {
      const pipe = native.makePipe(PIPE_LENGTH);
      this.#outputs.set(from, pipe.write);
      if (typeof to !== "number") {
        this.#taking.push(drain(pipe.read, to).finally(() => closeSync(pipe.read)));
        continue;
      }
      const through = leashed === true || preface !== undefined;
      const behind = through ? native.makePipe(PIPE_LENGTH) : pipe;
      this.#inputs.set(to, behind.read);
      if (through) {
        void pump(pipe.read, behind.write, preface);
      }
      if (epilogue !== undefined) {
        this.#held.set(from, epilogue);
      }
    }
    this.#ending = programs.map((_, place) => this.#run(place));
  }

  /** Sees to it that all that run end: one that is stopped takes no notice of being told. */
  terminate(): void {
    for (const child of this.#children.values()) {
      void stop(child, 0, GRACE.terminated);
    }
  }

  /** Ends all early: what connects to a host where something is written must stay until that has been told by its stream. */
  stopFeeding(): void {
    this.#early = true;
    for (const [place, child] of this.#children) {
      const { feeds, writes } = this.#programs[place] ?? {};
      if (feeds === true) {
        void stop(child, 0, GRACE.terminated);
      } else if (writes === "signalled") {
        child.kill("SIGTERM");
      }
    }
  }

  async end(): Promise<JoinedEnd> {
    const epilogues = Array.from(this.#held.keys(), (place) => this.#epilogue(place));
    // What one of these throws is for when all have ended; until then it is no rejection that nobody handles.
    const taking = Promise.allSettled(this.#taking);
    const ended = await Promise.all(this.#ending);
    // What a program has left running may have its end of a pipe open for ever.
    const isOver =
      this.#first === undefined ? new Promise<never>(() => undefined) : after(GRACE.terminated);
    await Promise.race([Promise.all(epilogues), isOver]);
    for (const outcome of (await Promise.race([taking, isOver])) ?? []) {
      if (outcome.status === "rejected") {
        throw outcome.reason;
      }
    }
    return { ended, first: this.#first };
  }

  /** True if a program has ended as it should. */
  #hasSucceeded(place: number, ended: Ended): boolean {
    const { isDone = hasSucceeded } = this.#programs[place] ?? {};
    return isDone(ended);
  }

  async #run(place: number): Promise<Ended | undefined> {
    const program = this.#programs[place];
    if (program === undefined) {
      return undefined;
    }
    if (program.after !== undefined) {
      await Promise.race([program.after, this.#stalled]);
    }
    const [stdin, stdout] = [this.#inputs.get(place), this.#outputs.get(place)];
    const child =
      this.#first === undefined
        ? startChild({ ...program, stdin: stdin ?? "ignore", stdout: stdout ?? "ignore" })
        : undefined;
    // The ends that this process has would keep each program from noticing that the other is gone.
    close(stdin);
    if (!this.#held.has(place)) {
      close(stdout);
    }
    if (child === undefined) {
      return undefined;
    }
    program.started?.();
    this.#children.set(place, child);
    this.#running += 1;
    const ended = await child.ended;
    this.#running -= 1;
    const failed = !this.#hasSucceeded(place, ended);
    if (failed) {
      this.#first ??= place;
    }
    if (this.#first !== undefined || this.#running === 0) {
      this.#tellOfStall();
    }
    if (failed) {
      await Promise.all(
        Array.from(this.#children, ([other, running]) => {
          const writes = this.#programs[other]?.writes !== undefined;
          const first = this.#early && writes ? DISK_MILLISECONDS : GRACE.consequence;
          return stop(running, first, writes ? DISK_MILLISECONDS : GRACE.terminated);
        }),
      );
    }
    return ended;
  }

  /** Writes what comes behind the output of a program, or lets its reader notice that there is nothing more. */
  async #epilogue(place: number): Promise<void> {
    const [fd, epilogue] = [this.#outputs.get(place), this.#held.get(place)];
    if (fd === undefined || epilogue === undefined) {
      return;
    }
    const needed = [place, ...epilogue.after].map(async (other) => {
      const ended = await this.#ending[other];
      return ended !== undefined && this.#hasSucceeded(other, ended);
    });
    // The first that fails is enough: the reader is not to wait for the others.
    const failed = this.#stalled.then(() => this.#first === undefined && allWell(needed));
    const well = await Promise.race([allWell(needed), failed]);
    if (well) {
      // A reader that has gone is told of by how its process ended.
      await writeSome(fd, epilogue.text).catch(() => undefined);
    }
    close(fd);
  }
}

/** Whether all have succeeded, as soon as it is known. */
function allWell(ending: readonly Promise<boolean>[]): Promise<boolean> {
  const each = ending.map(async (succeeded) => {
    if (!(await succeeded)) {
      throw new Error("it has failed");
    }
  });
  return Promise.all(each).then(
    () => true,
    () => false,
  );
}

function close(fd: number | undefined): void {
  if (fd !== undefined) {
    closeSync(fd);
  }
}

/** Waits for a process that should end by itself. After some milliseconds it is told to end, and after some more it is killed. */
async function stop(child: Child, consequence: number, terminated: number): Promise<void> {
  for (const [signal, patience] of [
    ["SIGTERM", consequence],
    ["SIGKILL", terminated],
  ] as const) {
    if (await endsWithin(child, patience)) {
      return;
    }
    child.kill(signal);
  }
}

function after(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds));
}

function endsWithin(child: Child, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timeout = setTimeout(() => resolve(false), milliseconds);
    void child.ended.then(() => {
      clearTimeout(timeout);
      resolve(true);
    });
  });
}
