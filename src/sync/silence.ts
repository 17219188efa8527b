import { ExitCode } from "../errors/exit-codes.ts";
import { hasControllingTerminal } from "../transport/processes/controlling-terminal.ts";
import type { Endpoint } from "./connection/endpoint.ts";
import { SyncError } from "./failure.ts";
import { whereIs } from "./connection/remote-command.ts";

/** Seconds without a word after which a program is given up, unless the user says otherwise. A stage says something every second. */
export const DEFAULT_TIMEOUT = 60;

/** Seconds without a word after which a person is told, if the limit is not sooner. */
const PATIENCE = 20;

const TICK_MILLISECONDS = 1000;

/** A program that has to be heard. */
interface Watched {
  end: Endpoint;
  /** The program, for a message. */
  what: string;
  /** True until it says hello: a login may have to ask a person for a password. */
  loggingIn: boolean;
  /** Ticks since its last word. */
  silent: number;
}

/** The limit on silence, and who is told when it is reached. */
export interface SilenceOptions {
  /** Seconds without a word after which a program is given up; 0 for never. */
  timeout: number;
  warn: (message: string) => void;
  /** Told why, once. */
  giveUp: (error: SyncError) => void;
}

/** One program, as whoever starts it tells of it. */
export interface Watch {
  /** It has started. */
  begin: () => void;
  /** It, or what connects to its host, has said something, or taken some of its input. */
  heard: () => void;
  /** It has said hello: from now on nobody is asked for a password. */
  loggedIn: () => void;
  /** It has ended. */
  end: () => void;
}

/**
 * Gives up a program that says nothing for too long: one that was stopped, or whose host hangs behind a connection that lives. Seconds are counted, not
 * measured, so that the time in which this process itself was stopped or the machine slept does not count.
 *
 * Before it says hello there is no limit where a terminal is there to ask a person; without one, as from cron, nobody can answer.
 */
export class Silence {
  readonly #options: SilenceOptions;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SilenceOptions) {
    this.#options = options;
  }

  /** Returns what is to be told of a program at `end`; `what` names it. */
  watch(end: Endpoint, what: string): Watch {
    const watched: Watched = { end, what, loggingIn: end.kind === "remote", silent: 0 };
    return {
      begin: () => {
        watched.silent = 0;
        this.#watched.add(watched);
        this.#timer ??= this.#start();
      },
      heard: () => {
        watched.silent = 0;
      },
      loggedIn: () => {
        watched.loggingIn = false;
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
    const asks = hasControllingTerminal();
    return setInterval(() => {
      for (const watched of this.#watched) {
        if (!(asks && watched.loggingIn)) {
          this.#tick(watched);
        }
      }
    }, TICK_MILLISECONDS);
  }

  #tick(watched: Watched): void {
    const { timeout, warn, giveUp } = this.#options;
    const { end, what, loggingIn } = watched;
    const where = whereIs(end);
    watched.silent += 1;
    if (watched.silent === timeout) {
      this.#watched.delete(watched);
      giveUp(
        new SyncError(
          loggingIn
            ? `${where} has not answered for ${timeout} seconds`
            : `${what} on ${where} has said nothing for ${timeout} seconds`,
          "see that the host is up and nothing there is stopped, then run the same command again: it continues; --timeout sets the limit",
          ExitCode.later,
        ),
      );
    } else if (watched.silent === PATIENCE) {
      warn(`waiting for ${where}: nothing heard for ${PATIENCE} seconds`);
    }
  }
}
