import { closeSync, write } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import type * as Binding from "../../native/binding.js";
import { drain, pour, pump, type Take } from "../streams/pump.ts";
import { ControlEnd } from "./control-end.ts";

const writeSome = promisify(write);

/** Capacity of a pipe between two processes, in bytes. */
const PIPE_LENGTH = 1024 * 1024;

/** Looks at what is read, and the milliseconds between two of them. They are counted: while this process is stopped, nothing can come. */
const QUIET = { looks: 10, pause: 100 } as const;

/** The part of the addon that opens pipes. */
export type PipeMaker = Pick<typeof Binding, "makePipe">;

/**
 * A pipe from the standard output of one program to the standard input of another, or to this process. Programs are given by their places
 * in the list.
 */
export interface Pipe {
  from: number;
  to: number | Take;
  /** Called when a `Take` has had all bytes. */
  closed?: () => void;
  /** Passes all bytes through this process. Both programs then end with it, even if neither would notice that it is gone. */
  relayed?: boolean;
  /** Bytes that `to` reads first. All that follow pass through this process too. */
  preface?: AsyncIterable<Uint8Array> | undefined;
  /** Text that is written after the output of `from`, once `from` and the programs in `after` have succeeded. */
  epilogue?: Epilogue;
}

/** A pipe from this process to the standard input of a program, which gets these bytes. It is closed after them, or if they cannot be made. */
interface Feed {
  feed: AsyncIterable<Uint8Array>;
  to: number;
}

/** All kinds of pipes. */
export type AnyPipe = Pipe | ControlPipe | Feed;

/** Takes the function that writes to the control channel of a program. */
export interface Control {
  opened(write: (text: string) => void): void;
}

/**
 * A pipe from this process to the standard input of a program, which stays open until that program has ended or another one has failed: its
 * end tells the program that this process has gone.
 */
export interface ControlPipe {
  to: number;
  control: Control;
  /** Bytes that the program reads first. */
  preface?: AsyncIterable<Uint8Array> | undefined;
  /** Text that is written once the programs in `after` have succeeded. */
  epilogue?: Epilogue;
}

/** An epilogue, and the function that writes it if it is wanted, and then closes its pipe. */
export interface EpilogueEnd extends Pick<Epilogue, "after"> {
  /** The program that reads it. */
  to: number;
  finish: (wanted: boolean) => Promise<void>;
}

/** Text after the output of a program, and the other programs that must succeed first. */
interface Epilogue {
  after: readonly number[];
  /** The text, or a function that makes it when it is wanted; undefined for none. */
  text: string | (() => string | undefined);
}

/** The descriptors of all pipes of a pipeline, until each program has been given its own and has logged in. */
export class PipeEnds {
  readonly #inputs = new Map<number, number>();
  readonly #outputs = new Map<number, number>();
  /** The ends of control channels in this process. */
  readonly #controls = new Map<number, ControlEnd>();
  readonly #epilogues: EpilogueEnd[] = [];
  /** The programs whose output stays open in this process for an epilogue. */
  readonly #kept = new Set<number>();
  readonly #taking: Promise<void>[] = [];
  /** Chunks that have come for a `Take`, and how many of them are being taken. */
  #arrived = 0;
  #inHand = 0;
  readonly #native: PipeMaker;

  constructor(native: PipeMaker, pipes: readonly AnyPipe[]) {
    this.#native = native;
    this.add(pipes);
  }

  /** Opens more pipes, for programs that take the place of others. These have no `Take`. */
  add(pipes: readonly AnyPipe[]): void {
    for (const pipe of pipes) {
      if ("control" in pipe) {
        this.#openControl(pipe);
      } else if ("feed" in pipe) {
        const { read, write: fd } = this.#native.makePipe(PIPE_LENGTH);
        this.#inputs.set(pipe.to, read);
        void pour(pipe.feed, fd);
      } else {
        this.#open(pipe);
      }
    }
  }

  /** Returns the epilogues of all pipes that were opened since the last call. */
  takeEpilogues(): readonly EpilogueEnd[] {
    return this.#epilogues.splice(0);
  }

  /** Settles when this process has read all that was sent to a `Take`. Never rejects: a failure is in the result. */
  taken(): Promise<PromiseSettledResult<void>[]> {
    return Promise.allSettled(this.#taking);
  }

  /** Resolves when nothing has come for a `Take` for a second, which ends the wait for a pipe that a program without an end keeps open. */
  async quiet(): Promise<void> {
    let looks = 0;
    while (looks < QUIET.looks) {
      const before = this.#arrived;
      await sleep(QUIET.pause);
      looks = this.#arrived === before && this.#inHand === 0 ? looks + 1 : 0;
    }
  }

  /** Returns a `Take` that counts its chunks. */
  #counted(take: Take): Take {
    return async (chunk) => {
      this.#arrived += 1;
      this.#inHand += 1;
      try {
        await take(chunk);
      } finally {
        this.#inHand -= 1;
      }
    };
  }

  /** Returns the standard input and standard output of a program. */
  of(place: number): { stdin: number | "ignore"; stdout: number | "ignore" } {
    return {
      stdin: this.#inputs.get(place) ?? "ignore",
      stdout: this.#outputs.get(place) ?? "ignore",
    };
  }

  /** Closes the ends of a program in this process: open ones would hide from its neighbours that it has gone. */
  close(place: number): void {
    close(this.#inputs.get(place));
    this.#inputs.delete(place);
    if (!this.#kept.has(place)) {
      close(this.#outputs.get(place));
      this.#outputs.delete(place);
    }
  }

  /** Closes the control channel of a program that has ended, or those of all programs. */
  hangUp(place?: number): void {
    for (const [other, end] of this.#controls) {
      if (place === undefined || place === other) {
        this.#controls.delete(other);
        end.close();
      }
    }
  }

  #openControl({ to, control, preface, epilogue }: ControlPipe): void {
    // Without a preface, it carries a few lines. The memory of all pipes of a user is limited, see pipe(7).
    const { read, write: fd } = this.#native.makePipe(preface === undefined ? 0 : PIPE_LENGTH);
    this.#inputs.set(to, read);
    const end = new ControlEnd(fd, preface);
    this.#controls.set(to, end);
    const tell = (text: string): void => {
      if (this.#controls.has(to)) {
        end.tell(text);
      }
    };
    control.opened(tell);
    if (epilogue !== undefined) {
      const finish = async (wanted: boolean): Promise<void> => {
        if (wanted) {
          tell(textOf(epilogue) ?? "");
        }
      };
      this.#epilogues.push({ to, after: epilogue.after, finish });
    }
  }

  #open({ from, to, closed, relayed, preface, epilogue }: Pipe): void {
    const first = this.#native.makePipe(PIPE_LENGTH);
    this.#outputs.set(from, first.write);
    if (typeof to !== "number") {
      const taken = drain(first.read, this.#counted(to)).then(closed);
      this.#taking.push(taken.finally(() => closeSync(first.read)));
      return;
    }
    if (relayed === true || preface !== undefined) {
      const second = this.#native.makePipe(PIPE_LENGTH);
      this.#inputs.set(to, second.read);
      void pump(first.read, second.write, preface);
    } else {
      this.#inputs.set(to, first.read);
    }
    if (epilogue !== undefined) {
      this.#kept.add(from);
      const finish = (wanted: boolean): Promise<void> =>
        finishPipe(first.write, wanted ? textOf(epilogue) : undefined);
      this.#epilogues.push({ to, after: [from, ...epilogue.after], finish });
    }
  }
}

function textOf({ text }: Epilogue): string | undefined {
  return typeof text === "string" ? text : text();
}

/** Writes a last text to a pipe if there is one, and closes it. */
async function finishPipe(fd: number, text: string | undefined): Promise<void> {
  if (text !== undefined) {
    // If the reader has gone, its exit status says so.
    await writeSome(fd, text).catch(() => undefined);
  }
  closeSync(fd);
}

function close(fd: number | undefined): void {
  if (fd !== undefined) {
    closeSync(fd);
  }
}
