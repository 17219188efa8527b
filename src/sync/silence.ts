import { closeSync } from "node:fs";

import { ExitCode } from "../errors/exit-codes.ts";
import { openSync } from "../native/files.ts";
import { type Endpoint, hostLabel } from "./connection/endpoint.ts";
import { SyncError } from "./failures/sync-error.ts";

/** Seconds of silence after which a program is given up by default. A stage prints an event every second. */
export const DEFAULT_TIMEOUT = 60;

/** Seconds of silence after which a warning is printed. */
const WARN_AFTER = 20;

/** Most lines before the hello that count as a sign of life: a wrapper of ssh may wait for a host to start, but not print without end. */
const MOST_LINES = 1000;

const TICK_MILLISECONDS = 1000;

/** A program that is watched. */
interface Watched {
  end: Endpoint;
  /** The program, for a message. */
  what: string;
  /** The command that logs in to its host, for a message. */
  loginCommand: string;
  /** True until its hello: a login may be asking for a password. */
  loggingIn: boolean;
  /** True once its stage has reported its end. */
  isDone: boolean;
  /** Lines that it has printed since it has started. */
  lines: number;
  /** Seconds since its last sign of life. */
  silent: number;
  /** Ends this program alone, if the copy can go on without it; false if it cannot. */
  endAlone: (error: SyncError) => boolean;
}

/** The limit on silence, and the reactions to it. */
export interface SilenceOptions {
  /** Seconds of silence after which a program is given up; 0 for no limit. */
  timeout: number;
  warn: (message: string) => void;
  /** Called once per program that is given up, unless it is ended alone. */
  giveUp: (error: SyncError) => void;
}

/** Functions to call for one program. */
export interface Watch {
  /** It has started, maybe once more. */
  begin: () => void;
  /** It, or its remote shell, has read some of its input. */
  heard: () => void;
  /** It, or its remote shell, has printed a line. Before the hello, only the first of them count as a sign of life. */
  printed: () => void;
  /** It has said hello: from now on the user is not asked for a password. */
  loggedIn: () => void;
  /** Its stage has reported its end: only the end of the program is missing. */
  done: () => void;
  /** It has ended. What starts it again calls `begin`. */
  end: () => void;
}

/**
 * Gives up a program that is silent for too long: one that was stopped, or whose host hangs although the connection is alive. Seconds are
 * counted, not measured, so that the time for which this process was stopped or the machine slept does not count.
 *
 * Before the hello there is no limit if there is a terminal on which a person may be typing a password. Cron jobs have none.
 */
export class Silence {
  readonly #options: SilenceOptions;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SilenceOptions) {
    this.#options = options;
  }

  /**
   * Starts to watch a program.
   *
   * @param program its name for a message, and the command that logs in to its host
   * @param endAlone ends it if the copy can go on without it; false if it cannot
   */
  watch(
    end: Endpoint,
    program: Pick<Watched, "what" | "loginCommand">,
    endAlone: Watched["endAlone"] = () => false,
  ): Watch {
    const loggingIn = end.kind === "remote";
    const watched = { end, ...program, endAlone, loggingIn, isDone: false, lines: 0, silent: 0 };
    return {
      begin: () => {
        watched.silent = 0;
        watched.lines = 0;
        watched.isDone = false;
        this.#watched.add(watched);
        this.#timer ??= this.#start();
      },
      heard: () => {
        watched.silent = 0;
      },
      printed: () => {
        watched.lines += 1;
        if (!watched.loggingIn || watched.lines <= MOST_LINES) {
          watched.silent = 0;
        }
      },
      loggedIn: () => {
        watched.loggingIn = false;
      },
      done: () => {
        watched.isDone = true;
      },
      end: () => {
        this.#watched.delete(watched);
        if (this.#watched.size === 0) {
          clearInterval(this.#timer);
          this.#timer = undefined;
        }
      },
    };
  }

  #start(): NodeJS.Timeout | undefined {
    const { timeout } = this.#options;
    if (timeout === 0) {
      return undefined;
    }
    const mayAsk = hasControllingTerminal();
    return setInterval(() => {
      for (const watched of this.#watched) {
        if (!(mayAsk && watched.loggingIn)) {
          this.#tick(watched);
        }
      }
    }, TICK_MILLISECONDS);
  }

  #tick(watched: Watched): void {
    const { timeout, warn, giveUp } = this.#options;
    watched.silent += 1;
    if (watched.silent === timeout) {
      this.#watched.delete(watched);
      const error = silenceError(watched, timeout);
      if (!watched.endAlone(error)) {
        giveUp(error);
      }
    } else if (watched.silent === WARN_AFTER) {
      warn(`waiting for ${hostLabel(watched.end)}: nothing heard for ${WARN_AFTER} seconds`);
    }
  }
}

/** Makes the error for a program that has been silent for `seconds`. */
function silenceError(
  { end, what, loginCommand, loggingIn, isDone }: Watched,
  seconds: number,
): SyncError {
  const where = hostLabel(end);
  if (isDone && end.kind === "remote") {
    return new SyncError(
      `${what} on ${where} is done, and its connection has stayed open for ${seconds} seconds: the copy is not known to be complete`,
      `make sure that \`${loginCommand} true\` ends at once, without a profile that starts a program on that connection (use \`>/dev/null 2>&1 &\`), then run the same command again: it continues`,
      ExitCode.later,
    );
  }
  return new SyncError(
    loggingIn
      ? `${where} has not answered for ${seconds} seconds`
      : `${what} on ${where} has said nothing for ${seconds} seconds`,
    "make sure that the host is up and has free memory, and that no process there is stopped, then run the same command again: it continues; --timeout sets the limit",
    ExitCode.later,
  );
}

/** True if there is a terminal on which ssh can ask for a password, see tty(4). Cron jobs and most services have none. */
function hasControllingTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
