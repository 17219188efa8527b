import type { Part } from "../../blocks/part.ts";
import { CopyError, ReportError, UsageError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import type { CopyResult } from "../../sync/copy-result.ts";
import { readTextSync } from "../../native/files.ts";
import { replaceText } from "../../transport/files/small-file.ts";
import { systemCode, systemReason } from "../../errors/stream-errors.ts";
import { formatBytes } from "../../ui/format.ts";
import { AUDITED, parsePart } from "../options/ranges/part.ts";

/** The start of a file that says which part is next. */
const BEGINNING = "# blockcopy: the part to audit next";

/** One run of an audit, which compares everything in a number of runs. */
export class AuditTurn {
  /** The part to compare in this run. */
  readonly part: Part;
  readonly #state: string | undefined;

  private constructor(part: Part, state: string | undefined) {
    this.part = part;
    this.#state = state;
  }

  /**
   * Chooses the part to compare: the one that a state file names, or a random one.
   *
   * @param runs the number of runs, and of parts
   * @param state the state file; undefined for none
   * @throws UsageError for a state file that cannot be read or written
   */
  static next(runs: number, state: string | undefined): AuditTurn {
    // Without a state, each run begins anywhere: otherwise a state that is lost every night would leave all other parts out.
    const random = { number: 1 + Math.floor(Math.random() * runs), count: runs };
    const kept = state === undefined ? undefined : partIn(state);
    const turn = new AuditTurn(kept?.count === runs ? kept : random, state);
    // Before the copy, so that it does not end with a result that cannot be kept.
    const failure = turn.#keep(turn.part);
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
    const unkept = this.#keep({ number: (number % count) + 1, count });
    const { blocks = 0, bytes = 0, first = null } = result.summary?.audit ?? {};
    if (blocks === 0) {
      return unkept === undefined
        ? result
        : { ...result, failure: new ReportError("the state of the audit", unkept) };
    }
    const what = `${blocks} ${blocks === 1 ? "block" : "blocks"} (${formatBytes(bytes)})`;
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
  #keep({ number, count }: Part): string | undefined {
    return this.#state === undefined
      ? undefined
      : replaceText(this.#state, `${BEGINNING}\n${number}/${count}\n`, BEGINNING);
  }
}

/**
 * Reads a state file.
 *
 * @returns undefined for one that does not exist, and for an empty one, as mktemp(1) makes it
 * @throws UsageError for one that cannot be read or says anything else
 */
function partIn(file: string): Part | undefined {
  const text = textOf(file);
  const [beginning, part = "", ...rest] = text.split("\n");
  if (text === "") {
    return undefined;
  }
  try {
    if (beginning === BEGINNING && rest.join("") === "") {
      return parsePart(part, AUDITED);
    }
  } catch {
    // The message below says the same for all that is wrong with it.
  }
  throw new UsageError(
    `${file} does not say which part to audit next`,
    "give another name, or remove it",
  );
}

/** Reads a file; one that does not exist is empty. */
function textOf(file: string): string {
  try {
    return readTextSync(file);
  } catch (error) {
    if (systemCode(error) === "ENOENT") {
      return "";
    }
    throw new UsageError(
      `the state of the audit cannot be read: ${file}: ${systemReason(error)}`,
      "give the name of a file that this user can read and replace",
    );
  }
}
