import type { Verify } from "../stages/save/verify.ts";
import { type ExitStatus, hasSucceeded } from "../transport/processes/child.ts";
import { whereIs } from "./connection/remote-command.ts";
import type { Side } from "./side.ts";
import { versionOf } from "./versions.ts";

/** A failure, in words. */
interface Lack {
  message: string;
  advice: string;
}

/** The option that asks for proof, by what it asks for. */
const OPTIONS: Readonly<Record<Verify, string>> = {
  none: "nothing",
  written: "--verify written",
  full: "--verify full",
};

/**
 * True if a stage has succeeded. The exit code alone proves nothing: a wrapper, a forced command or a shell can lose it, or run something
 * else that ends with 0. A stage also has to have said that it runs, that its file is open and that it is done, and no error; and a
 * destination that it has read back what it was to read back.
 */
export function isDone(side: Side, ended: ExitStatus): boolean {
  return hasSucceeded(ended) && side.error === undefined && lackOf(side) === undefined;
}

/** Describes the report that is missing from a stage whose program ended with exit code 0; undefined if none is missing. */
export function lackOf(side: Side): Lack | undefined {
  const { hello, hasBegun, finished, promised } = side;
  const where = whereIs(side.end);
  if (hello === undefined || !hasBegun || finished === undefined) {
    const missing =
      hello === undefined
        ? "that it runs (no `hello`)"
        : hasBegun
          ? "that it is done (no `end`)"
          : "that its file is open (no `begin`)";
    return {
      message: `the program at the ${side.role} on ${where} ended with code 0, and blockcopy there never said ${missing}: that is no success`,
      advice: `see that what runs there is blockcopy and that all it prints on standard error arrives here (try \`${side.reach} blockcopy --version\`; a wrapper, a forced command or a profile may stand between), then run it again`,
    };
  }
  if (promised !== "none" && finished.proof?.verified !== promised) {
    return {
      message: `blockcopy ${versionOf(side)} at the destination on ${where} does not say that it has read back what ${OPTIONS[promised]} asks for`,
      advice: `install the same blockcopy here and on ${where}, then run it again`,
    };
  }
  return undefined;
}

/**
 * The contradiction of a source with itself, or with the destination of its stream; undefined if their counts agree, or if the destination
 * has not counted. A source that has not counted has sent nothing.
 */
export function contradiction(from: Side, to: Side): Lack | undefined {
  if (from.total !== undefined && from.done < from.total) {
    return {
      message: `the source on ${whereIs(from.end)} says that it is done, and has compared ${from.done} of ${from.total} bytes`,
      advice: "see that what runs there is the same blockcopy as here, then run it again",
    };
  }
  const [sent, written] = [from.counts["changed"], to.finished?.proof?.changed];
  if (written === undefined || (sent ?? 0) === written) {
    return undefined;
  }
  const says =
    sent === undefined
      ? "does not say how many bytes of blocks it has sent"
      : `says that it has sent ${sent} bytes of blocks`;
  return {
    message: `the source on ${whereIs(from.end)} ${says}, and the destination on ${whereIs(to.end)} that it has written ${written}`,
    advice:
      "do not trust the destination: copy it again with --verify full, and with the same blockcopy on both hosts",
  };
}
