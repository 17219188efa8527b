import type { Readable } from "node:stream";

import { ExitCode } from "../errors/exit-codes.ts";
import type { StageEvent } from "../ui/programs/event-schema.ts";
import { parseEvent } from "../ui/programs/parse-event.ts";
import type { BlockcopyError } from "./error.ts";
import { EventQueue } from "./event-queue.ts";
import { type Ended, errorOf } from "./failure.ts";
import { feed } from "./feed.ts";
import { type Worker, startWorker } from "./process.ts";
import type { CopyEvent, Run } from "./types.ts";
import { refuseMistaken } from "./words.ts";

/** The facts of an operation that has succeeded. */
export interface Success {
  /** Its last event. */
  end: StageEvent & { event: "end" };
  /** The last progress. */
  progress: StageEvent & { event: "progress" };
  map: (StageEvent & { event: "map" }) | undefined;
  /** True if the exit code says that two files differ. */
  differs: boolean;
  /** The lines of standard output, if that is text. */
  text: readonly string[];
}

/** Everything that an operation needs to run. */
export interface Operation<Result> {
  /** The arguments of the program: a command, and its words. */
  words: readonly string[];
  signal: AbortSignal | undefined;
  /** The stream that the process reads. */
  input?: Readable | AsyncIterable<Uint8Array>;
  /** The content of standard output. Unless that is the events, they are on standard error. */
  output: "events" | "stream" | "text";
  resultOf: (success: Success) => Result;
}

/** An operation that has been started. */
export interface Started<Result> {
  run: Run<Result>;
  worker: Worker | undefined;
  /** The same as the result, for use within the library: Node reports a rejected result that its caller has not looked at. */
  settled: Promise<Result>;
}

const NO_PROGRESS: Success["progress"] = { event: "progress", done: 0, counts: {} };

/** Lines that say the same as an event. */
const REPEATED = /^(?:WARNING|ERROR) \((?:sync|compare)\): /;

/**
 * Starts an operation.
 *
 * @throws BlockcopyError for a signal or an input stream of another kind
 */
export function start<Result>(operation: Operation<Result>): Started<Result> {
  refuseMistaken(operation);
  const running = new Running(operation);
  if (operation.input !== undefined) {
    feed(operation.input, running.worker?.stdin, (error) => running.failInput(error));
  }
  return running;
}

class Running<Result> {
  readonly run: Run<Result>;
  readonly worker: Worker | undefined;
  readonly settled: Promise<Result>;
  readonly #operation: Operation<Result>;
  readonly #queue = new EventQueue();
  /** True once an event has come the usual way. */
  #hasBegun = false;
  #progress = NO_PROGRESS;
  #map: Success["map"];
  #end: Success["end"] | undefined;
  #error: (StageEvent & { event: "error" }) | undefined;
  #lastLine: string | undefined;
  readonly #text: string[] = [];
  #inputError: Error | undefined;

  constructor(operation: Operation<Result>) {
    this.#operation = operation;
    const { output, input, signal, words } = operation;
    if (signal?.aborted !== true) {
      this.worker = startWorker(words, {
        stdin: input === undefined ? "ignore" : "pipe",
        onOutput: {
          events: (line: string) => this.#take(line),
          text: (line: string) => void this.#text.push(line),
          stream: undefined,
        }[output],
        onError: output === "events" ? (line) => this.#takeLine(line) : (line) => this.#take(line),
      });
    }
    this.settled = this.#finish();
    const result = this.settled.then((value) => value);
    this.run = {
      result,
      pid: this.worker?.pid,
      [Symbol.asyncIterator]: () => {
        // Whoever reads the events gets the error there.
        result.catch(() => undefined);
        return this.#queue.read();
      },
    };
  }

  /** Fails the operation: its input stream has failed. */
  failInput(error: Error): void {
    this.#inputError ??= error;
    this.worker?.stop();
  }

  /** Waits for the end, which is then also that of the events. */
  async #finish(): Promise<Result> {
    try {
      const result = await this.#result();
      this.#queue.end();
      return result;
    } catch (error) {
      this.#queue.end(error as Error);
      throw error;
    }
  }

  async #result(): Promise<Result> {
    const { words, signal, resultOf } = this.#operation;
    const { worker } = this;
    const stop = (): void => worker?.stop();
    signal?.addEventListener("abort", stop, { once: true });
    const ended = (await worker?.ended) ?? NOT_BEGUN;
    signal?.removeEventListener("abort", stop);
    const end = this.#end;
    // Both are needed: neither a lost event nor a process that ended too early is a success.
    const differs = words[0] === "compare" && ended.code === ExitCode.different;
    if ((ended.code !== ExitCode.success && !differs) || end === undefined) {
      throw this.#failure(ended);
    }
    return resultOf({ end, differs, progress: this.#progress, map: this.#map, text: this.#text });
  }

  #failure(ended: Ended): BlockcopyError {
    const { words, signal } = this.#operation;
    return errorOf({
      command: words[0] ?? "",
      ended,
      error: this.#error,
      lastLine: this.#lastLine,
      signal,
      inputError: this.#inputError,
    });
  }

  /** Takes a line of the stream that has the events. */
  #take(line: string): void {
    const event = parseEvent(line);
    if (event === undefined) {
      this.#takeLine(line);
      return;
    }
    this.#hasBegun = true;
    this.#keep(event);
  }

  #keep(event: StageEvent): void {
    switch (event.event) {
      case "error":
        this.#error = event;
        return;
      case "progress":
        this.#progress = event;
        break;
      case "map":
        this.#map = event;
        break;
      case "end":
        this.#end = event;
        break;
      case "differ":
      case "tunnel":
      case "destination":
      case "changed":
        return;
      case "hello":
      case "begin":
      case "aside":
      case "warning":
      case "unknown":
        break;
    }
    this.#queue.add(event satisfies CopyEvent);
  }

  /** Takes any other line. Before its first event, a command that is refused tells why on standard error. */
  #takeLine(line: string): void {
    const event = this.#hasBegun ? undefined : parseEvent(line);
    if (event?.event === "error") {
      this.#error ??= event;
      return;
    }
    if (event === undefined && line !== "") {
      this.#lastLine = line;
      if (!REPEATED.test(line)) {
        this.#queue.add({ event: "line", line });
      }
    }
  }
}

/** The end of an operation that was aborted before it was started. */
const NOT_BEGUN: Ended = { code: null, signal: "SIGTERM", unstarted: undefined };
