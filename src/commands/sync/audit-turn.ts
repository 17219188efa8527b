import type { Part } from "../../blocks/part.ts";
import { CopyError, ReportError, UsageError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import type { LocalContext } from "../../sync/local.ts";
import type { CopyResult } from "../../sync/copy-result.ts";
import { readSmall, replaceText, whyNotReplace } from "../../transport/files/small-file.ts";
import { systemCode, systemReason } from "../../errors/stream-errors.ts";
import { formatBlocks, formatBytes } from "../../ui/format.ts";
import { AUDITED, parsePart } from "../options/ranges/part.ts";

/** The start of a file that says which part is next. */
const BEGINNING = "# blockcopy: the part to audit next";

/** Most characters of the name of a destination that a state file has: a path in ASCII is shorter, and a message shows all of it. */
const MOST_NAME = 16 * 1024;

/** The content of a state file. */
interface State {
  /** The part to compare next. */
  part: Part;
  /** The destination whose parts are counted; undefined until a copy to it was complete. */
  destination: string | undefined;
}

/** One run of an audit, which compares everything in a number of runs. */
export class AuditTurn {
  /** The part to compare in this run. */
  readonly part: Part;
  readonly #state: string | undefined;
  readonly #destination: string;

  private constructor(part: Part, state: string | undefined, destination: string) {
    this.part = part;
    this.#state = state;
    this.#destination = destination;
  }

  /**
   * Chooses the part to compare: the one that a state file names, or a random one.
   *
   * @param runs the number of runs, and of parts
   * @param state the state file; undefined for none
   * @param destination the name of the destination in the state file, in one line
   * @throws UsageError for a state file that cannot be read or written, or is that of another destination
   */
  static next(runs: number, state: string | undefined, destination: string): AuditTurn {
    // Without a state, each run begins anywhere: otherwise a state that is lost every night would leave all other parts out.
    const random = { number: 1 + Math.floor(Math.random() * runs), count: runs };
    const kept = state === undefined ? undefined : stateIn(state);
    const name = destination.slice(0, MOST_NAME);
    if (state !== undefined && kept !== undefined) {
      refuseOther(state, kept, name);
    }
    const turn = new AuditTurn(kept?.part.count === runs ? kept.part : random, state, name);
    // Before the copy, so that it does not end with a result that cannot be kept.
    const failure = turn.#keep({ part: turn.part, destination: kept?.destination });
    if (failure !== undefined) {
      throw new UsageError(
        `the state of the audit cannot be written: ${failure}`,
        "give a file name in a folder where files can be created and replaced",
      );
    }
    return turn;
  }

  /**
   * Ends the run after a complete copy: the next one compares the next part.
   *
   * @param copy the name of its destination, and that of `--incremental` if there is one, for the message
   * @returns the result, as a failure if the audit has found differences or the state cannot be written
   */
  end(
    result: CopyResult,
    { destination, incremental }: { destination: string; incremental: string | undefined },
  ): CopyResult {
    const { number, count } = this.part;
    const next = { number: (number % count) + 1, count };
    const unkept = this.#keep({ part: next, destination: this.#destination });
    const { blocks = 0, bytes = 0, first = null } = result.summary?.audit ?? {};
    if (blocks === 0) {
      return unkept === undefined
        ? result
        : { ...result, failure: new ReportError("the state of the audit", unkept) };
    }
    const what = `${formatBlocks(blocks)} (${formatBytes(bytes)})`;
    const also = unkept === undefined ? "" : `; its state could not be written: ${unkept}`;
    const differs = new CopyError(
      `${what} of ${destination} outside the ${incremental === undefined ? "range map" : "changed ranges"} differed, the first at offset ${first}; what differed is repaired, and the audit has compared part ${number} of ${count}${also}`,
      incremental !== undefined
        ? `see what else writes to ${destination}; the next run compares everything`
        : `copy once without --ranges; either the map misses changes, or another program writes to ${destination}`,
      ExitCode.incompleteMap,
    );
    return { ...result, failure: differs };
  }

  /** Writes the state file, if there is one; returns the reason if that fails. */
  #keep({ part: { number, count }, destination }: State): string | undefined {
    const lines = [
      BEGINNING,
      `${number}/${count}`,
      ...(destination === undefined ? [] : [destination]),
    ];
    return this.#state === undefined
      ? undefined
      : replaceText(this.#state, `${lines.join("\n")}\n`, BEGINNING);
  }
}

/**
 * Fails with the error of a copy, and with what its audit has found: the next run finds the repaired blocks equal.
 *
 * @throws that error
 */
export function failAudited(error: unknown, { progress: { audited } }: LocalContext): never {
  if (audited !== undefined && error instanceof Error) {
    error.message += `; before that, its audit had found a difference at offset ${audited}, which the next run may find repaired: copy once without a range map`;
  }
  throw error;
}

/**
 * Reads a state file.
 *
 * @returns undefined for one that does not exist, and for an empty one, as mktemp(1) makes it
 * @throws UsageError for one that cannot be read or says anything else
 */
function stateIn(file: string): State | undefined {
  const text = textOf(file);
  const [beginning, part = "", destination = "", ...rest] = text.split("\n");
  if (text === "") {
    return undefined;
  }
  try {
    if (beginning === BEGINNING && destination.length <= MOST_NAME && rest.join("") === "") {
      return { part: parsePart(part, AUDITED), destination: destination || undefined };
    }
  } catch {
    // The message below says the same for all that is wrong with it.
  }
  throw new UsageError(
    `${file} does not say which part to audit next`,
    "give another name, or remove it",
  );
}

/** Refuses the state of another destination: of two that take turns, each could always compare the same half of its parts. */
function refuseOther(file: string, { destination: kept }: State, destination: string): void {
  if (kept !== undefined && kept !== destination) {
    throw new UsageError(
      `${file} says which part of ${kept} to audit next, and the destination is ${destination}: with one file for both, neither would be compared as a whole`,
      "give each destination an --audit-state of its own; if this one only has another name now, remove the file",
    );
  }
}

/** Reads a file; one that does not exist is empty. */
function textOf(file: string): string {
  // Anything else than a file could keep this program waiting, or never end.
  const refused = whyNotReplace(file, "");
  if (refused !== undefined) {
    throw unreadable(refused);
  }
  try {
    return readSmall(file);
  } catch (error) {
    if (systemCode(error) === "ENOENT") {
      return "";
    }
    throw unreadable(`${file}: ${systemReason(error)}`);
  }
}

function unreadable(reason: string): UsageError {
  return new UsageError(
    `the state of the audit cannot be read: ${reason}`,
    "give the name of a file that this user can read and replace",
  );
}
