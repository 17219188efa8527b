import type { Part } from "../../blocks/part.ts";
import { CopyError, ReportError, UsageError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import type { CopyResult } from "../../sync/copy-result.ts";
import { exists, readText, replaceText } from "../../transport/files/small-file.ts";
import { formatBytes } from "../../ui/format.ts";
import { AUDITED, parsePart } from "../options/part.ts";

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
    const kept = state !== undefined && exists(state) ? partIn(state) : undefined;
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
   * @returns the result, as a failure if the audit has found differences
   * @throws ReportError if the state cannot be written
   */
  end(result: CopyResult): CopyResult {
    const { number, count } = this.part;
    const failure = this.#keep({ number: (number % count) + 1, count });
    if (failure !== undefined) {
      throw new ReportError("the state of the audit", failure);
    }
    const { blocks = 0, bytes = 0, first = null } = result.summary?.audit ?? {};
    if (blocks === 0) {
      return result;
    }
    const what = `${blocks} ${blocks === 1 ? "block" : "blocks"} (${formatBytes(bytes)})`;
    const incomplete = new CopyError(
      `the range map is incomplete: it leaves out ${what} that differed, the first at offset ${first}; what was found is repaired, but only part ${number} of ${count} was compared`,
      "copy once without --ranges, and find out what writes to the source or the destination without being in the map",
      ExitCode.incompleteMap,
    );
    return { ...result, failure: incomplete };
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
 * @returns undefined for an empty one, as mktemp(1) makes it
 * @throws UsageError for anything else
 */
function partIn(file: string): Part | undefined {
  const text = readText(file);
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
