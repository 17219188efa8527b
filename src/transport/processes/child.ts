import { type ChildProcess, spawn } from "node:child_process";
import { basename } from "node:path";
import { promisify } from "node:util";

import { clock } from "../../native/clock.ts";
import { givenEnvironment } from "../../native/node-start.ts";
import { withIgnoredSignals } from "./with-ignored-signals.ts";
import { LineReader } from "../streams/line-reader.ts";
import { descendantsOf, type ProcessId, signalProcess } from "./process-tree.ts";
import { systemCode } from "../../errors/stream-errors.ts";
import { messageOf } from "../../errors/message-of.ts";

const turn = promisify(setImmediate);

/**
 * Limits, in milliseconds, for reading the standard error of a program that has ended. Reading stops after `idle` without output, and after
 * `most` in any case: other processes, such as a ControlPersist master, may keep the pipe open for ever.
 */
const DRAIN = { idle: 100, most: 500 };

/** A program to be started. */
export interface ChildOptions {
  /** The program and its arguments. */
  command: readonly [string, ...string[]];
  /** Descriptors of this process for standard input and standard output; `ignore` is /dev/null. */
  stdin: number | "ignore";
  stdout: number | "ignore";
  /** A descriptor of this process that it gets as descriptor 3. */
  third?: number;
  /** Called with each line that it prints on standard error. */
  onLine: (text: string) => void;
}

/** The end of a program: its exit code, the signal that killed it, or the system's error that kept it from starting. */
export type ExitStatus = { code: number } | { signal: string } | { failed: string };

/** True if a program ended with exit code 0. */
export function hasSucceeded(status: ExitStatus): boolean {
  return "code" in status && status.code === 0;
}

/** The end of a program, and its time in milliseconds of `clock`. */
export interface Exit {
  status: ExitStatus;
  at: number;
}

/** A running program. */
export interface Child {
  /** Resolves when it has ended and all lines that it printed were passed on, which may be some time later. */
  readonly ended: Promise<Exit>;
  /** Sends a signal to the program and its descendants. */
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

const running = new Set<Child>();

/** Sends a signal to all running programs and their descendants. */
export function terminateAll(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): void {
  for (const child of running) {
    child.kill(signal);
  }
}

/**
 * Returns the environment for a program: that of the user for a remote shell, and that of this program for a stage of this host.
 * SSH_CONNECTION, which is about the login of the user to this host, a stage would take for the connection of `sync` to its host. ssh alone
 * gets it, since it passes it to no host, and ssh_config(5) may ask for it.
 */
function environmentFor(program: string): NodeJS.ProcessEnv {
  const all = program === process.execPath ? process.env : givenEnvironment();
  const { SSH_CONNECTION: _own, ...rest } = all;
  return basename(program) === "ssh" ? all : rest;
}

/** Starts a program whose standard error is read line by line. */
export function startChild({ command, stdin, stdout, third, onLine }: ChildOptions): Child {
  const [program, ...args] = withIgnoredSignals(command);
  const env = environmentFor(command[0]);
  let started: ChildProcess;
  try {
    started = spawn(program, args, {
      stdio: [stdin, stdout, "pipe", ...(third === undefined ? [] : [third])],
      env,
    });
  } catch (error) {
    // spawn() throws some errors, such as E2BIG, and reports others by an event.
    const exit = { status: { failed: failureOf(error) }, at: clock() };
    return { ended: Promise.resolve(exit), kill: () => undefined };
  }
  const child = { ended: endOf(started, onLine), kill: killer(started) };
  running.add(child);
  void child.ended.then(() => running.delete(child));
  return child;
}

async function endOf(started: ChildProcess, onLine: ChildOptions["onLine"]): Promise<Exit> {
  const lines = new LineReader(onLine);
  // Undefined when descriptors ran out, although its type does not say so.
  const stderr = started.stderr ?? undefined;
  const reading = { lastAt: 0, isOver: stderr === undefined };
  stderr?.on("data", (chunk: Buffer) => {
    reading.lastAt = clock();
    lines.add(chunk);
  });
  stderr?.on("error", () => (reading.isOver = true));
  stderr?.on("close", () => (reading.isOver = true));
  const status = await new Promise<ExitStatus>((resolve) => {
    started.on("error", (error) => resolve({ failed: failureOf(error) }));
    started.on("exit", (code, signal) =>
      resolve(signal === null ? { code: code ?? 0 } : { signal }),
    );
  });
  const at = clock();
  reading.lastAt = at;
  while (!reading.isOver && clock() - at < DRAIN.most) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN.idle / 10));
    // Lets Node read what arrived before the deadline, even if this process was stopped in the meantime.
    await turn();
    if (clock() - reading.lastAt >= DRAIN.idle) {
      break;
    }
  }
  stderr?.destroy();
  lines.end();
  return { status, at };
}

/** Returns a function that sends a signal to a program and all its descendants: killing a wrapper does not end its ssh. */
function killer(started: ChildProcess): Child["kill"] {
  // Keeps descendants whose parent has ended in the meantime.
  const found = new Map<number, ProcessId>();
  return (signal) => {
    const { pid } = started;
    if (pid === undefined || started.exitCode !== null || started.signalCode !== null) {
      return;
    }
    for (const other of descendantsOf([pid, ...found.keys()])) {
      found.set(other.pid, other);
    }
    started.kill(signal);
    for (const other of found.values()) {
      signalProcess(other, signal);
    }
  };
}

function failureOf(error: unknown): string {
  return systemCode(error) ?? messageOf(error);
}
