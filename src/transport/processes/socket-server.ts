import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, rmdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import type * as Binding from "../../native/binding.js";
import { systemCode } from "../../errors/stream-errors.ts";
import { lastWords } from "../files/printed-file.ts";
import { makeTemporaryFolder, openUnnamed, temporaryError } from "../files/temporary.ts";
import { LastWords } from "../streams/last-words.ts";
import { LineReader } from "../streams/line-reader.ts";
import { settlesWithin } from "../waiting/settles-within.ts";
import { guarded } from "./guarded.ts";
import { signalGroup } from "./signal-group.ts";

/** Seconds for a server to write what is left, and to end, before it is killed. */
const TO_STOP = 60;

/** The same before its guard kills it: longer, so that this process, if it still runs, kills it first and reports that. */
const TO_STOP_BY_GUARD = TO_STOP + 5;

/** Milliseconds to wait for the last lines of a server that has ended: what it has started may keep the pipe open. */
const TO_READ = 500;

/** A server to start. */
export interface ServerStart {
  command: readonly [string, ...string[]];
  env: NodeJS.ProcessEnv;
  /** Folder to start it in, unless that of this process. */
  cwd?: string;
  /** Called with each line that it prints, until it returns false; undefined if the lines are only kept. */
  onLine?: (line: string) => boolean;
  /** It need not end with exit code 0 when it is stopped: SIGTERM may kill it. */
  mayBeKilled?: boolean;
  /** Seconds after which it gets another SIGTERM if it has not ended. It may have forgotten one that came while it started. */
  again: number;
}

/** A server of NBD. */
export interface SocketServer {
  /** Its number; undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Waits for it to end by itself; false if it has not ended in this time. */
  endsWithin(milliseconds: number): Promise<boolean>;
  /** Makes it end in good order. Returns the reason if it has not; undefined after a success. */
  stop(): Promise<string | undefined>;
  /** Returns the end of what it has printed. */
  lastWords(): string;
}

/** A socket without a name, for a server that only this process and its children reach. */
export class ServerSocket {
  readonly #native: Pick<typeof Binding, "makePipe">;
  readonly #socket: Binding.PrivateSocket;

  /**
   * Makes it in a folder that exists only for that.
   *
   * @throws TemporaryError
   */
  constructor(native: Pick<typeof Binding, "privateSocket" | "makePipe">) {
    this.#native = native;
    const folder = makeTemporaryFolder("blockcopy-socket-");
    try {
      this.#socket = native.privateSocket(folder);
    } catch (error) {
      throw temporaryError("make a socket in", error);
    } finally {
      rmdirSync(folder);
    }
  }

  /** Returns the URI of the default export, for this process (`self`), or for other processes of this user. */
  uriFor(process: "self" | number): string {
    return `nbd+unix:///?socket=/proc/${process}/fd/${this.#socket.place}`;
  }

  /**
   * Starts the server.
   *
   * @throws the system's error
   */
  start(server: ServerStart): SocketServer {
    const output = server.onLine === undefined ? keptOutput() : linesTo(server.onLine);
    const times = { again: server.again, patience: TO_STOP_BY_GUARD };
    const [shell, ...words] = guarded(server.command, times);
    const { read, write } = this.#native.makePipe(4096);
    try {
      const child = spawn(shell, words, {
        // It gets the socket that listens as descriptor 3, in the way of sd_listen_fds(3), and its guard the pipe.
        stdio: ["ignore", ...output.stdio, this.#socket.listener, read],
        env: { ...server.env, LISTEN_FDS: "1" },
        ...(server.cwd !== undefined && { cwd: server.cwd }),
        // In a session of its own: an interrupt on the terminal is for this process, which decides what is still written.
        detached: true,
      });
      output.read(child);
      return new Running(child, { output, hold: write }, server);
    } catch (error) {
      closeSync(write);
      throw error;
    } finally {
      closeSync(read);
      // Only the server listens, so that connecting fails when it has ended.
      closeSync(this.#socket.listener);
    }
  }
}

/** The output of a server, and the descriptors for it. */
interface ServerOutput {
  stdio: ["ignore", number] | ["pipe", "pipe"];
  read: (child: ChildProcess) => void;
  lastWords: () => string;
}

/** Keeps what a server prints on standard error, in a file without a name. */
function keptOutput(): ServerOutput {
  const file = openUnnamed();
  return {
    stdio: ["ignore", file],
    read: () => undefined,
    lastWords: () => lastWords(file),
  };
}

/** Passes on the first lines that a server prints. Some print one for each request: the others are not even looked for. */
function linesTo(onLine: (line: string) => boolean): ServerOutput {
  let isWanted = true;
  const take = (line: string): void => {
    if (isWanted && line.trim() !== "") {
      isWanted = onLine(line);
    }
  };
  const ends = [new LastWords(), new LastWords()];
  return {
    stdio: ["pipe", "pipe"],
    read: ({ stdout, stderr }) => {
      for (const [place, stream] of [stdout, stderr].entries()) {
        const lines = new LineReader(take);
        stream?.on("data", (chunk: Buffer) => {
          ends[place]?.add(chunk);
          if (isWanted) {
            lines.add(chunk);
          }
        });
        stream?.on("error", () => undefined);
        stream?.on("close", () => lines.end());
      }
    },
    lastWords: () =>
      ends
        .map(({ text }) => text)
        .filter((text) => text !== "")
        .join(" | "),
  };
}

class Running implements SocketServer {
  readonly #child: ChildProcess;
  readonly #output: ServerOutput;
  readonly #mayBeKilled: boolean;
  readonly #ended: Promise<string | undefined>;
  /** The end of the pipe to the guard, which ends the server when this is closed, also by the end of this process; undefined after that. */
  #hold: number | undefined;
  #isStopped = false;

  constructor(
    child: ChildProcess,
    { output, hold }: { output: ServerOutput; hold: number },
    { mayBeKilled = false }: ServerStart,
  ) {
    this.#child = child;
    this.#output = output;
    this.#hold = hold;
    this.#mayBeKilled = mayBeKilled;
    this.#ended = this.#end();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  lastWords(): string {
    return this.#output.lastWords();
  }

  endsWithin(milliseconds: number): Promise<boolean> {
    return settlesWithin(this.#ended, milliseconds);
  }

  async stop(): Promise<string | undefined> {
    this.#isStopped = true;
    this.#release();
    if (!(await this.endsWithin(TO_STOP * 1000))) {
      signalGroup(this.#child, "SIGKILL");
      return `it did not end within ${TO_STOP} seconds`;
    }
    const failure = await this.#ended;
    return failure && [failure, this.lastWords()].filter((text) => text !== "").join(": ");
  }

  /** Waits for its end. Returns the reason if that is a failure. */
  async #end(): Promise<string | undefined> {
    const child = this.#child;
    const closed = new Promise((resolve) => child.on("close", resolve));
    const failure = await new Promise<string | undefined>((resolve) => {
      child.on("error", (error) => resolve(`it could not be started: ${systemCode(error)}`));
      child.on("exit", (code, signal) => resolve(this.#failureOf(code, signal)));
    });
    // A server that went to the background would serve the disk for ever, perhaps to everybody.
    this.#release();
    await Promise.race([closed, sleep(TO_READ, undefined, { ref: false })]);
    child.stdout?.destroy();
    child.stderr?.destroy();
    return failure;
  }

  #failureOf(code: number | null, signal: string | null): string | undefined {
    if (code === 0 || (this.#mayBeKilled && this.#isStopped && signal === "SIGTERM")) {
      return undefined;
    }
    return `it ended by ${signal ?? `exit code ${code}`}`;
  }

  /** Has the guard end all processes of its group. */
  #release(): void {
    if (this.#hold !== undefined) {
      closeSync(this.#hold);
      this.#hold = undefined;
    }
  }
}
