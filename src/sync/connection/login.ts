import { setTimeout as sleep } from "node:timers/promises";

import type { ExitStatus } from "../../transport/processes/child.ts";
import type { Login } from "../../transport/processes/program.ts";
import { SSH_FAILED } from "./connection-failure.ts";
import { hostLabel, type RemoteEndpoint } from "./endpoint.ts";
import { connectsOnce, type RemoteOptions, sshdOf } from "./remote-command.ts";

/** Logins to one sshd that are under way at a time. It drops some from the tenth on (MaxStartups 10:30:100), and counts those of others too. */
const MOST = 4;

/** Milliseconds after which a login keeps no other waiting: its host does not answer, or asks for a password. */
const SLOW = 5000;

/** Milliseconds before each further attempt of a login that sshd has dropped. */
const WAITS = [500, 1000, 2000, 4000, 8000];

/** The part of its time by which such a wait varies: the logins that were dropped together must not come back together. */
const SPREAD = 0.5;

/** The message of ssh if sshd closes the connection before it has said anything. If a jump host has ended it, other lines say why. */
const DROPPED =
  /^(?:kex|ssh)_exchange_identification: (?:read: )?Connection (?:closed by remote host|reset by peer)/;

/** Lines that explain why the connection of a jump host has ended. */
const EXPLAINED =
  /open failed|forwarding failed|timed out|refused|denied|resolve|No route|unreachable|verification failed/i;

/** The logins of this process to one sshd. */
class Gate {
  #most = MOST;
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  /** Waits for a turn. Returns the function that ends it. */
  async turn(): Promise<() => void> {
    while (this.#underWay >= this.#most) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#underWay += 1;
    let isOver = false;
    const end = (): void => {
      if (!isOver) {
        isOver = true;
        clearTimeout(timer);
        this.#underWay -= 1;
        this.#waiting.shift()?.();
      }
    };
    const timer = setTimeout(end, SLOW);
    timer.unref();
    return end;
  }

  /** Lets fewer log in at a time, since sshd has dropped one. */
  narrow(): void {
    this.#most = Math.max(1, Math.floor(this.#most / 2));
  }
}

const gates = new Map<string, Gate>();

function gateFor(end: RemoteEndpoint, remote: RemoteOptions): Gate {
  const sshd = sshdOf(end, remote);
  const gate = gates.get(sshd) ?? new Gate();
  gates.set(sshd, gate);
  return gate;
}

/** A login that is told when it has succeeded. */
export interface StageLogin extends Login {
  succeeded(): void;
}

/** The output of a login, and who hears of its attempts. */
interface LoginOptions {
  /** The last lines of the current attempt that are not events. They stay until the next one begins: if there is none, they say why. */
  lastLines: readonly string[];
  warn: (message: string) => void;
}

/**
 * Returns the login of a program that connects to a host. All logins of this process to the same sshd wait for each other, and one that sshd
 * drops because too many arrive together is tried again if it cannot have read any of its input.
 */
export function loginTo(
  end: RemoteEndpoint,
  remote: RemoteOptions,
  { lastLines, warn }: LoginOptions,
): StageLogin {
  const gate = gateFor(end, remote);
  const waits = connectsOnce(remote) ? WAITS : [];
  let resolveDone: () => void;
  const done = new Promise<void>((resolve) => (resolveDone = resolve));
  let endTurn: (() => void) | undefined;
  let isOver = false;
  let attempts = 0;
  const leave = (): void => {
    endTurn?.();
    endTurn = undefined;
  };
  return {
    done,
    turn: async () => {
      const ended = await gate.turn();
      endTurn = ended;
      if (isOver) {
        leave();
      }
    },
    succeeded: () => {
      isOver = true;
      leave();
      resolveDone();
    },
    ended: (status) => {
      leave();
      const wait = waits[attempts];
      if (isOver || wait === undefined || status === undefined || !isDropped(status, lastLines)) {
        isOver = true;
        return undefined;
      }
      if (attempts === 0) {
        warn(
          `${hostLabel(end)} has closed the connection before the login, as sshd does if too many come at once (MaxStartups); trying again for about 20 seconds`,
        );
      }
      attempts += 1;
      gate.narrow();
      return wait * (1 + SPREAD * Math.random());
    },
  };
}

/**
 * Runs a program that connects to a host, and runs it again as long as its login says so.
 *
 * @param signal ends the waiting for a further attempt
 */
export async function runWithLogin(
  login: Login,
  run: () => Promise<ExitStatus>,
  signal: AbortSignal,
): Promise<ExitStatus> {
  for (;;) {
    await login.turn();
    const status = await run();
    const wait = login.ended(status);
    if (wait === undefined) {
      return status;
    }
    await sleep(wait, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) {
      return status;
    }
  }
}

function isDropped(status: ExitStatus, lines: readonly string[]): boolean {
  return (
    "code" in status &&
    status.code === SSH_FAILED &&
    lines.some((line) => DROPPED.test(line)) &&
    !lines.some((line) => EXPLAINED.test(line))
  );
}
