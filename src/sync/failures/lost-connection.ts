import { ExitCode, SIGNAL_EXIT_CODES } from "../../errors/exit-codes.ts";
import type { StageContext } from "../../blocks/context.ts";
import type { ExitStatus } from "../../transport/processes/child.ts";
import { SSH_FAILED } from "../connection/connection-failure.ts";
import { hostLabel } from "../connection/endpoint.ts";
import type { Side } from "../side.ts";
import { cutOff, failureOf } from "./failure.ts";
import { isDone } from "./proof.ts";
import type { Cause } from "./which-failed.ts";

/** The most streams of a copy that are replaced. If more connections are lost, a person should find out why. */
const MOST_REPLACED = 3;

/** Seconds to wait before each further attempt to get a new connection in the place of a lost one. */
const PAUSES = [1, 5, 15, 30] as const;

/** True if a program may have failed because a connection was lost: its stage has reported no failure of its own. */
export function mayBeLost(side: Side, status: ExitStatus): boolean {
  return isLost(side, status) || isFollowing(side, status);
}

/**
 * True if the connection to a stage was lost, or ended because of its silence, or if the stage has lost its direct connection to the other one;
 * also if a new one has not come up, or if the queue was gone. ssh ends in the same way if the stage there is killed.
 */
function isLost(side: Side, status: ExitStatus): boolean {
  if (hasMissedQueue(side)) {
    return true;
  }
  if (side.error?.tunnelLost === true) {
    return side.hasBegun || side.before !== undefined;
  }
  if (side.error?.tunnel === true) {
    return side.before !== undefined;
  }
  const isCut = "signal" in status || ("code" in status && status.code === SSH_FAILED);
  return canBeLost(side) && (isCut || side.silence !== undefined);
}

/**
 * True if a stage has found that the process which it was to open the queue from had ended. It has done nothing for its stream then, and
 * another process may still have that queue.
 */
function hasMissedQueue({ error, hasBegun }: Side): boolean {
  return error?.firstStreamGone === true && !hasBegun;
}

/**
 * True if the end of a stage could be the loss of its connection: it has reported no failure, and has opened its file, or takes the place of one
 * that had.
 */
export function canBeLost({ end, hasBegun, error, before }: Side): boolean {
  return end.kind === "remote" && (hasBegun || before !== undefined) && error === undefined;
}

/** True if a stage has ended because the one at the other end of its stream has, or was ended for that reason. */
function isFollowing({ error }: Side, status: ExitStatus): boolean {
  return error === undefined
    ? "code" in status && status.code === ExitCode.readerGone
    : error.consequence === true || SIGNAL_EXIT_CODES.includes(error.code);
}

/** One of several streams, as it has ended. */
export interface EndedStream {
  /** Its number, from 1. */
  number: number;
  /** The number of all streams. */
  count: number;
  /** Its sides, in the order of their ends. */
  ends: readonly Cause[];
  /** True if a stage of another stream runs from which a new one can open the queue of parts. */
  isJoinable: boolean;
}

/** Decides which streams are replaced after they have lost a connection, and remembers why. */
export class LostConnections {
  readonly #warn: StageContext["warn"];
  readonly #losses: Cause[] = [];

  constructor(warn: StageContext["warn"]) {
    this.#warn = warn;
  }

  /** True if no more streams are to be replaced. */
  get areTooMany(): boolean {
    return this.#losses.length >= MOST_REPLACED;
  }

  /**
   * True if a stream is to be replaced: it has lost a connection, and nothing else ended it.
   */
  mayReplace(stream: EndedStream): boolean {
    const { number, count, ends } = stream;
    const loss = replaceableLoss(stream);
    if (loss === undefined) {
      return false;
    }
    const attempts = attemptsIn(ends);
    if (attempts > 0) {
      return attempts <= PAUSES.length;
    }
    if (this.areTooMany) {
      this.#warn(
        `stream ${number} of ${count} gets no new connection: ${MOST_REPLACED} were lost before`,
      );
      return false;
    }
    this.#losses.push(loss);
    this.#warn(
      `${wordsFor(loss)}; stream ${number} of ${count} copies its parts again over a new connection (${this.#losses.length} of at most ${MOST_REPLACED})`,
    );
    return true;
  }

  /**
   * Returns the milliseconds to wait before a stream is replaced: if a new connection has not come up, the next attempt is made later. 0 if
   * no attempt is possible any more.
   */
  pauseAfter(stream: EndedStream): number {
    const { number, count, ends } = stream;
    const loss = replaceableLoss(stream);
    const seconds = PAUSES[attemptsIn(ends) - 1];
    if (loss === undefined || seconds === undefined) {
      return 0;
    }
    this.#warn(
      `stream ${number} of ${count}: ${failureOf(loss, () => undefined).message}; next attempt in ${seconds} s`,
    );
    return seconds * 1000;
  }

  /**
   * Returns the cause of a failed copy: if no new connection has come up, or all other streams had ended by then and so the queue of parts had
   * gone, the loss of the old one.
   */
  causeOf(cause: Cause): Cause {
    const { end, hello, hasBegun, before, error } = cause.side;
    const isLate = error?.firstStreamGone === true;
    const isNew = before !== undefined;
    const isApart = isNew && (error?.tunnel === true || (!hasBegun && error?.tunnelLost === true));
    const isUnconnected = isNew && !hasBegun && (hello === undefined || error === undefined);
    const lost = this.#losses.filter(({ side }) => isLate || isApart || side.end === end).at(-1);
    if (lost === undefined || !(isLate || isApart || isUnconnected)) {
      return cause;
    }
    this.#warn(`no new connection: ${failureOf(cause, this.#warn).message}`);
    return lost;
  }
}

/**
 * Returns the loss that ended a stream if new stages can take its place: it has a process at the destination that another one can replace
 * safely, or its last one has done nothing.
 */
function replaceableLoss({ ends, isJoinable }: EndedStream): Cause | undefined {
  const isSafe = ends.some(({ side }) => side.process !== undefined || hasMissedQueue(side));
  return isJoinable && isSafe ? lossAmong(ends) : undefined;
}

/** Returns the number of times that a new connection has not come up since a stream was lost; 0 if the last one had, at both ends. */
function attemptsIn(ends: EndedStream["ends"]): number {
  let attempts = 0;
  for (
    let sides = ends.map(({ side }) => side);
    sides.some(({ hasBegun }) => !hasBegun);
    sides = sides.flatMap(({ before }) => before ?? [])
  ) {
    attempts += 1;
  }
  return attempts;
}

/** Describes a loss. */
function wordsFor({ side, status }: Cause): string {
  const { end, error } = side;
  const on = end.kind === "local" ? "" : `on ${hostLabel(end)}: `;
  return error === undefined ? cutOff(side, status).message : `${on}${error.message}`;
}

/** Returns the end that was silent, or lost its connection first; undefined if none has, or if one has failed for another reason. */
function lossAmong(ends: EndedStream["ends"]): Cause | undefined {
  const isExplained = ends.every(
    ({ side, status }) => mayBeLost(side, status) || isDone(side, status),
  );
  const lost = isExplained ? ends.filter(({ side, status }) => isLost(side, status)) : [];
  return lost.find(({ side }) => side.silence !== undefined) ?? lost[0];
}
