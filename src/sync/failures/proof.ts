import type { Verify } from "../../stages/save/verify.ts";
import { type ExitStatus, hasSucceeded } from "../../transport/processes/child.ts";
import { hostLabel } from "../connection/endpoint.ts";
import type { Side } from "../side.ts";
import type { Explanation } from "./sync-error.ts";
import { versionOf } from "./versions.ts";

/** The option that asks for each kind of verification. */
const OPTIONS: Readonly<Record<Verify, string>> = {
  none: "nothing",
  written: "--verify written",
  full: "--verify full",
};

/**
 * True if a stage has succeeded. Exit code 0 alone proves nothing: a wrapper, a forced command or a shell can lose the code, or run
 * something else. The stage must also have reported that it runs, that its file is open and that it is done, and no error. A destination
 * must have read back whatever it was asked to verify.
 */
export function isDone(side: Side, status: ExitStatus): boolean {
  return hasSucceeded(status) && side.error === undefined && missingProof(side) === undefined;
}

/** Describes the report that is missing from a stage whose program ended with exit code 0; undefined if none is missing. */
export function missingProof(side: Side): Explanation | undefined {
  const { hello, hasBegun, report, requiredVerify, mustAudit } = side;
  const where = hostLabel(side.end);
  if (hello === undefined || !hasBegun || report === undefined) {
    return {
      message: `the program at the ${side.role} on ${where} ended with code 0, and blockcopy there never said ${missingEvent(side)}: that is not a success`,
      advice: `make sure that blockcopy itself runs there and that its standard error arrives here (try \`${side.loginCommand} blockcopy --version\`; a wrapper, a forced command or a profile may stand between), then run it again`,
    };
  }
  const unproved =
    requiredVerify !== "none" && report.proof?.verified !== requiredVerify
      ? `the verification that ${OPTIONS[requiredVerify]} asks for`
      : mustAudit && report.proof?.audit === undefined && "what --audit has found";
  if (unproved !== false) {
    return {
      message: `blockcopy ${versionOf(side)} at the destination on ${where} did not report ${unproved}`,
      advice: `install the same blockcopy here and on ${where}, then run it again`,
    };
  }
  return undefined;
}

function missingEvent({ hello, hasBegun }: Side): string {
  if (hello === undefined) {
    return "that it runs (no `hello`)";
  }
  return hasBegun ? "that it is done (no `end`)" : "that its file is open (no `begin`)";
}

/**
 * Describes what the destinations of several streams have left out, or done twice, together: the first one has said how much there is to
 * compare. Undefined if that agrees, or if the parts were fixed.
 */
export function wrongCoverage(destinations: readonly Side[]): Explanation | undefined {
  const [first] = destinations;
  const compared = destinations.reduce((sum, { done }) => sum + done, 0);
  if (first?.queue === undefined || first.total === undefined || first.total === compared) {
    return undefined;
  }
  return {
    message: `the streams at the destination on ${hostLabel(first.end)} have compared ${compared} of ${first.total} bytes together`,
    advice: "do not trust the destination: copy it again without --streams, and report this fault",
  };
}

/**
 * Describes a contradiction in the reports of a stream: the source has not compared all of its bytes, or the destination has written more or
 * less than the source has sent. Undefined if there is no contradiction, or if the destination reports no count.
 */
export function contradiction(from: Side, to: Side): Explanation | undefined {
  if (from.total !== undefined && from.done < from.total) {
    return {
      message: `the source on ${hostLabel(from.end)} says that it is done, and has compared ${from.done} of ${from.total} bytes`,
      advice: "make sure that the same blockcopy runs there as here, then run it again",
    };
  }
  const [sent, written] = [from.counts["changed"], to.report?.proof?.changed];
  if (written === undefined || (sent ?? 0) === written) {
    return undefined;
  }
  const says =
    sent === undefined
      ? "does not say how many bytes of blocks it has sent"
      : `says that it has sent ${sent} bytes of blocks`;
  return {
    message: `the source on ${hostLabel(from.end)} ${says}, and the destination on ${hostLabel(to.end)} that it has written ${written}`,
    advice:
      "do not trust the destination: copy it again with --verify full, and with the same blockcopy on both hosts",
  };
}
