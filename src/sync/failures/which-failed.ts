import { ExitCode, SIGNAL_EXIT_CODES } from "../../errors/exit-codes.ts";
import type { ExitStatus } from "../../transport/processes/child.ts";
import { isDone } from "./proof.ts";
import type { Side } from "../side.ts";

/** The program that a copy failed for. */
export interface Cause {
  side: Side;
  status: ExitStatus;
}

/**
 * Finds the program that failed by itself, and not because the program at the other end of its stream had failed.
 *
 * @param sides the programs, the two of each stream next to each other
 * @param statuses their exit statuses; undefined for one that was not started
 * @param firstFailed the place of the one that failed first
 */
export function causeOf(
  sides: readonly Side[],
  statuses: readonly (ExitStatus | undefined)[],
  firstFailed: number,
): Cause {
  const candidates = sides.flatMap((side, place) => {
    const status = statuses[place];
    // The distance is 1 for the other end of the same stream.
    const distance = place ^ firstFailed;
    return status === undefined ? [] : [{ side, status, distance }];
  });
  candidates.sort((a, b) => a.distance - b.distance);
  const cause =
    candidates.find(
      ({ side: { error }, distance }) =>
        isOwn(error) &&
        // A later stream may end before the first one, whose end it has found.
        (distance === 0 ? error.firstStreamGone !== true : !followsAnother(error)),
    ) ??
    candidates.find(
      ({ side, status }) => endedUnexplained(side, status) && !isReaderGone(status),
    ) ??
    candidates.find(({ side, status }) => endedUnexplained(side, status)) ??
    // The first one may have failed because of another that ended a moment later, as the program that connects to a host.
    candidates.find(({ side }) => isOwn(side.error)) ??
    candidates[0];
  if (cause === undefined) {
    throw new TypeError("nothing has run, so nothing has failed");
  }
  return cause;
}

function isOwn(error: Side["error"]): error is NonNullable<Side["error"]> {
  return error !== undefined && error.consequence !== true;
}

function endedUnexplained(side: Side, status: ExitStatus): boolean {
  return side.error === undefined && !isDone(side, status);
}

/** True for a stage whose reader had gone: on another host, the end of the connection may have taken its message. */
function isReaderGone(status: ExitStatus): boolean {
  return "code" in status && status.code === ExitCode.readerGone;
}

/**
 * True for the error of a stage that fails in this way after a stage of any stream has: this program signals all others then, and the end of
 * the first stream takes the list of parts with it.
 */
export function followsAnother({ code, firstStreamGone }: NonNullable<Side["error"]>): boolean {
  return SIGNAL_EXIT_CODES.includes(code) || firstStreamGone === true;
}
