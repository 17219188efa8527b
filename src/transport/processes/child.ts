import { type ChildProcess, spawn } from "node:child_process";
import { promisify } from "node:util";

import { givenEnvironment } from "../../native/node-start.ts";
import { ignoring } from "./ignoring-signals.ts";
import { LineReader } from "../streams/line-reader.ts";
import { descendantsOf, type ProcessId, signalProcess } from "./process-tree.ts";
import { systemCode } from "../../errors/stream-errors.ts";

const turn = promisify(setImmediate);

/**
 * How long, in milliseconds, standard error of a program that has ended is read: until nothing has come for a while, and no longer than
 * that in all. What the program itself has printed is there at once; others, as a master of ControlPersist, may have it open for ever.
 */
const DRAIN = { idle: 100, most: 500 };

/** A program that is started. */
export interface ChildOptions {
  /** It and its arguments. */
  command: readonly [string, ...string[]];
  /** What are its standard input and standard output: descriptors of this process, or /dev/null. */
  stdin: number | "ignore";
  stdout: number | "ignore";
  /** Told of each line that it prints on standard error. */
  line: (text: string) => void;
}

/** How a program ended. */
export type Ended =
  /** With this code. */
  | { code: number }
  /** By this signal. */
  | { signal: string }
  /** It could not be started: the name of the system's error. */
  | { failed: string };

/** Whether a program ended as it should. */
export function hasSucceeded(ended: Ended): boolean {
  return "code" in ended && ended.code === 0;
}

/** A program that runs. */
export interface Child {
  /** Settles when it has ended and all that it has printed was passed on. */
  readonly ended: Promise<Ended>;
  /** Sends a signal to it and to what it has started. */
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/** All that run. */
const running = new Set<Child>();

/** Sends a signal to all programs that run, and to what these have started. */
export function terminateAll(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): void {
  for (const child of running) {
    child.kill(signal);
  }
}

/** Starts a program whose standard error is read line by line. */
export function startChild({ command, stdin, stdout, line }: ChildOptions): Child {
  const [program, ...args] = ignoring(command);
  // What connects to other hosts is the user's; a stage here is this program.
  const env = command[0] === process.execPath ? process.env : givenEnvironment();
  let started: ChildProcess;
  try {
    started = spawn(program, args, { stdio: [stdin, stdout, "pipe"], env });
  } catch (error) {
    // Some errors are thrown, as E2BIG, others come as an event.
    const ended = Promise.resolve({ failed: failureOf(error) });
    return { ended, kill: () => undefined };
  }
  const child = { ended: end(started, line), kill: killer(started) };
  running.add(child);
  void child.ended.then(() => running.delete(child));
  return child;
}

async function end(started: ChildProcess, line: (text: string) => void): Promise<Ended> {
  const lines = new LineReader(line);
  // Where there were too few descriptors, it is undefined, whatever its type says.
  const stderr = started.stderr ?? undefined;
  const heard = { at: 0, all: stderr === undefined };
  stderr?.on("data", (chunk: Buffer) => {
    heard.at = performance.now();
    lines.add(chunk);
  });
  stderr?.on("error", () => (heard.all = true));
  stderr?.on("close", () => (heard.all = true));
  const ended = await new Promise<Ended>((resolve) => {
    started.on("error", (error) => resolve({ failed: failureOf(error) }));
    started.on("exit", (code, signal) =>
      resolve(signal === null ? { code: code ?? 0 } : { signal }),
    );
  });
  const since = performance.now();
  heard.at = since;
  while (!heard.all && performance.now() - since < DRAIN.most) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN.idle / 10));
    // After this turn, all has been read that was there when the time was up, also if this process was stopped meanwhile.
    await turn();
    if (performance.now() - heard.at >= DRAIN.idle) {
      break;
    }
  }
  stderr?.destroy();
  lines.end();
  return ended;
}

/** Returns a function that sends a signal to a program and to all that it has started: killing a wrapper does not reach its ssh. */
function killer(started: ChildProcess): Child["kill"] {
  // What was found once is told again, also when what had started it has ended.
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
  return systemCode(error) ?? (error instanceof Error ? error.message : String(error));
}
