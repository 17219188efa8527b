import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

import { launchedEnvironment, NO_INSPECTOR } from "../native/node-start.ts";
import { LineReader } from "../transport/streams/line-reader.ts";
import type { Ended } from "./failure.ts";

/** The program, as it lies next to the built library. */
const PROGRAM = fileURLToPath(new URL("cli/main.js", import.meta.url));

/** Milliseconds for which the last lines may arrive after the process has ended, if something else holds its pipes open. */
const LATE = 2000;

/** A process that runs the program. */
export interface Worker {
  pid: number | undefined;
  /** Undefined if the process could not be started. */
  stdin: Writable | undefined;
  stdout: Readable | undefined;
  /** Resolves when it has ended and its lines have been read. */
  ended: Promise<Ended>;
  stop: () => void;
}

/** The standard streams of the process, and functions that are called with its lines. */
export interface WorkerStreams {
  stdin: "pipe" | "ignore";
  /** Called with the lines of standard output, unless that is a stream of data. */
  onOutput: ((line: string) => void) | undefined;
  /** Called with the lines of standard error. */
  onError: (line: string) => void;
}

/** Starts the program with these arguments. */
export function startWorker(words: readonly string[], streams: WorkerStreams): Worker {
  // Details are an option of the library. Many programs use DEBUG for themselves.
  const { DEBUG: _debug, ...env } = launchedEnvironment(process.env);
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [NO_INSPECTOR, PROGRAM, ...words], {
      stdio: [streams.stdin, "pipe", "pipe"],
      env,
    });
  } catch (error) {
    // spawn() throws some errors, such as E2BIG, and reports others by an event.
    const unstarted = error instanceof Error ? error : new Error(String(error));
    const ended = Promise.resolve({ code: null, signal: null, unstarted });
    return { pid: undefined, stdin: undefined, stdout: undefined, ended, stop: () => undefined };
  }
  // Undefined when descriptors ran out, although their types do not say so.
  const [stdin, stdout, stderr] = [child.stdin, child.stdout, child.stderr].map(
    (stream) => stream ?? undefined,
  ) as [Writable | undefined, Readable | undefined, Readable | undefined];
  const { onOutput, onError } = streams;
  const read = [
    linesOf(stderr, onError),
    ...(onOutput === undefined ? [] : [linesOf(stdout, onOutput)]),
  ];
  const ended = new Promise<Ended>((resolve) => {
    child.on("error", (error) => {
      if (child.pid === undefined) {
        resolve({ code: null, signal: null, unstarted: error });
      }
    });
    child.on("exit", (code, signal) => resolve({ code, signal, unstarted: undefined }));
  });
  return {
    pid: child.pid,
    stdin,
    stdout: onOutput === undefined ? stdout : undefined,
    ended: ended.then(async (end) => {
      await within(LATE, Promise.all(read));
      stderr?.destroy();
      return end;
    }),
    stop: () => void child.kill("SIGTERM"),
  };
}

/** Passes on the lines of a stream until it is closed. */
function linesOf(stream: Readable | undefined, onLine: (line: string) => void): Promise<void> {
  const lines = new LineReader(onLine);
  stream?.on("data", (chunk: Buffer) => lines.add(chunk));
  stream?.on("error", () => undefined);
  return new Promise((resolve) => {
    if (stream === undefined) {
      resolve();
    } else {
      stream.on("close", () => {
        lines.end();
        resolve();
      });
    }
  });
}

/** Waits for a promise, at most this long. */
async function within(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, milliseconds)));
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
