import { closeSync, write } from "node:fs";
import { promisify } from "node:util";

import type * as Binding from "../../native/binding.js";
import { drain, pump, type Take } from "../streams/pump.ts";

const writeSome = promisify(write);

/** Capacity of a pipe between two processes, in bytes. */
const PIPE_LENGTH = 1024 * 1024;

/** The part of the addon that opens pipes. */
export type PipeMaker = Pick<typeof Binding, "makePipe">;

/**
 * A pipe from the standard output of one program to the standard input of another, or to this process. Programs are given by their places
 * in the list.
 */
export interface Pipe {
  from: number;
  to: number | Take;
  /** Passes all bytes through this process. Both programs then end with it, even if neither would notice that it is gone. */
  relayed?: boolean;
  /** Bytes that `to` reads first. All that follow pass through this process too. */
  preface?: AsyncIterable<Uint8Array> | undefined;
  /** Text that is written after the output of `from`, once `from` and the programs in `after` have succeeded. */
  epilogue?: Epilogue;
}

/** Text after the output of a program, and the other programs that must succeed first. */
export interface Epilogue {
  after: readonly number[];
  text: string;
}

/** The descriptors of all pipes of a pipeline, until each program has been given its own. */
export class PipeEnds {
  readonly #inputs = new Map<number, number>();
  readonly #outputs = new Map<number, number>();
  readonly #epilogues = new Map<number, Epilogue>();
  readonly #taking: Promise<void>[] = [];

  constructor(native: PipeMaker, pipes: readonly Pipe[]) {
    for (const pipe of pipes) {
      this.#open(native, pipe);
    }
  }

  /** The programs whose output stays open in this process for an epilogue. */
  get epilogues(): ReadonlyMap<number, Epilogue> {
    return this.#epilogues;
  }

  /** Settles when this process has read all that was sent to a `Take`. Never rejects: a failure is in the result. */
  taken(): Promise<PromiseSettledResult<void>[]> {
    return Promise.allSettled(this.#taking);
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
    if (!this.#epilogues.has(place)) {
      close(this.#outputs.get(place));
    }
  }

  /** Writes the epilogue of a program if there is a text, then closes that pipe. */
  async finish(place: number, text: string | undefined): Promise<void> {
    const fd = this.#outputs.get(place);
    if (fd !== undefined && text !== undefined) {
      // If the reader has gone, its exit status says so.
      await writeSome(fd, text).catch(() => undefined);
    }
    close(fd);
  }

  #open(native: PipeMaker, { from, to, relayed, preface, epilogue }: Pipe): void {
    const first = native.makePipe(PIPE_LENGTH);
    this.#outputs.set(from, first.write);
    if (typeof to !== "number") {
      this.#taking.push(drain(first.read, to).finally(() => closeSync(first.read)));
      return;
    }
    if (relayed === true || preface !== undefined) {
      const second = native.makePipe(PIPE_LENGTH);
      this.#inputs.set(to, second.read);
      void pump(first.read, second.write, preface);
    } else {
      this.#inputs.set(to, first.read);
    }
    if (epilogue !== undefined) {
      this.#epilogues.set(from, epilogue);
    }
  }
}

function close(fd: number | undefined): void {
  if (fd !== undefined) {
    closeSync(fd);
  }
}
