import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { givenEnvironment } from "../native/node-start.ts";
import { ignoring } from "./ignoring.ts";

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
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/** Starts a program whose standard error is read line by line. */
export function startChild({ command, stdin, stdout, line }: ChildOptions): Child {
  const [program, ...args] = ignoring(command);
  // What connects to other hosts is the user's; a stage here is this program.
  const env = command[0] === process.execPath ? process.env : givenEnvironment();
  const child = spawn(program, args, { stdio: [stdin, stdout, "pipe"], env });
  if (child.stderr !== null) {
    createInterface({ input: child.stderr, crlfDelay: Infinity }).on("line", line);
  }
  const ended = new Promise<Ended>((resolve) => {
    child.on("error", (error) =>
      resolve({ failed: "code" in error ? String(error.code) : error.message }),
    );
    child.on("close", (code, signal) =>
      resolve(signal === null ? { code: code ?? 0 } : { signal }),
    );
  });
  return { ended, kill: (signal) => child.kill(signal) };
}
