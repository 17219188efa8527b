import type { Child, ChildOptions, ExitStatus } from "./child.ts";
import type { AnyPipe } from "./pipes.ts";

/** Starts work of this process in the place of a program. It closes the descriptors that it is given. */
export type Within = (io: Pick<ChildOptions, "stdin" | "stdout" | "onLine">) => Child;

/** The login of a program that connects to another host. */
export interface Login {
  /** Resolves when it may begin: a host lets in only some at a time. */
  turn(): Promise<void>;
  /** Resolves when it has succeeded. Until then, the program may have to be started again with the same pipes. */
  readonly done: Promise<void>;
  /**
   * The program has ended, or is not started after all. Returns the milliseconds after which it is to be started again, or undefined if it
   * is not.
   */
  ended(status: ExitStatus | undefined): number | undefined;
}

/** One program of a pipeline. */
export interface Program {
  /** Returns the program and its arguments. Called when it is to be started. */
  command: () => readonly [string, ...string[]];
  /** Does the work of the program within this process instead. */
  within?: Within | undefined;
  /** Its login, if it connects to another host. */
  login?: Login | undefined;
  /** Called when it has been started, with a function that ends it, by SIGKILL if need be. */
  onStart?: (end: () => void) => void;
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
  /** Tells if it may have written to the disk already; until then it gets no time for that. */
  hasBegun?: () => boolean;
}

/** Programs that depend on the same connections. When one of these is lost, the programs are replaced together. */
export interface ProgramGroup {
  /** Their places in the list. */
  places: readonly number[];
  /** True if a program may have failed because of a lost connection. The others of the group are then ended, and judged together with it. */
  mayBeLost: (place: number, status: ExitStatus) => boolean;
  /** Returns the milliseconds to wait before they are replaced, at least a moment; called with what `replace` is called with. */
  pause: (ends: readonly ProgramEnd[]) => number;
  /**
   * Called when all of them have ended, in the order of their ends, after the pause. Returns programs for their places in the order of these,
   * or undefined for a failure.
   */
  replace: (ends: readonly ProgramEnd[]) => Replacement | undefined;
}

/** The end of one program. */
export interface ProgramEnd {
  place: number;
  status: ExitStatus;
}

/** Programs that take the places of others, and their pipes. */
interface Replacement {
  programs: readonly Program[];
  pipes: readonly AnyPipe[];
}
