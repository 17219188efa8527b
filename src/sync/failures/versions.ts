import { ExitCode } from "../../errors/exit-codes.ts";
import { VERSION } from "../../native/installation.ts";
import { EVENTS_VERSION } from "../../ui/event-lines.ts";
import { hostLabel } from "../connection/endpoint.ts";
import type { Side } from "../side.ts";
import type { Explanation } from "./sync-error.ts";

/** Exit codes that different versions may cause: an unknown option, or an unknown stream. */
const MAY_BE_VERSION: readonly number[] = [ExitCode.usage, ExitCode.protocol];

/** Returns the version that a side has reported; the version of this program if it has reported none. */
export function versionOf({ hello }: Side): string {
  return hello?.blockcopy ?? VERSION;
}

/** Explains why this version cannot read the events of a side; undefined if it can. */
export function incompatibility(side: Side): Explanation | undefined {
  const { hello } = side;
  if (hello === undefined || hello.events === EVENTS_VERSION) {
    return undefined;
  }
  return {
    message: `blockcopy ${hello.blockcopy} on ${hostLabel(side.end)} writes events of format ${hello.events}, and ${VERSION} here knows ${EVENTS_VERSION}`,
    advice: adviceOnVersions(side, hello.blockcopy),
  };
}

/** Adds both versions to the error of a side, if they differ and that may be the reason. */
export function withVersions(side: Side, error: Explanation & { code: number }): Explanation {
  const there = versionOf(side);
  if (there === VERSION || !MAY_BE_VERSION.includes(error.code)) {
    return error;
  }
  return {
    message: `${error.message} (blockcopy ${there} there, ${VERSION} here)`,
    advice: `${error.advice}; if that is because the versions differ, ${adviceOnVersions(side, there)}`,
  };
}

function adviceOnVersions({ end }: Side, there: string): string {
  const where = hostLabel(end);
  const order = compareVersions(there, VERSION);
  if (order === 0) {
    return `install the same blockcopy here and on ${where}`;
  }
  return order < 0
    ? `install blockcopy ${VERSION} on ${where}, which has the older one`
    : `install blockcopy ${there} here: this is the older one`;
}

/** Compares the first three numbers of two versions, for a sort. */
function compareVersions(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.split(/[.+-]/, 3).map(Number));
  const differing = [0, 1, 2].find((place) => a?.[place] !== b?.[place]);
  return differing === undefined ? 0 : (a?.[differing] ?? 0) - (b?.[differing] ?? 0);
}
