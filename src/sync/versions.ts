import { ExitCode } from "../errors/exit-codes.ts";
import { VERSION } from "../native/installation.ts";
import { EVENTS_VERSION } from "../ui/event-lines.ts";
import { whereIs } from "./connection/remote-command.ts";
import type { Side } from "./side.ts";

/** Exit codes that another version may be the reason for: an unknown option, or an unknown stream. */
const MAY_BE_VERSION: readonly number[] = [ExitCode.usage, ExitCode.protocol];

/** A failure, in words. */
interface Words {
  message: string;
  advice: string;
}

/** The version that a side has said it is; this one where it has said none. */
export function versionOf({ hello }: Side): string {
  return hello?.blockcopy ?? VERSION;
}

/** What to say of a side whose events this version cannot read; undefined where it can. */
export function foreign(side: Side): Words | undefined {
  const { hello } = side;
  if (hello === undefined || hello.events === EVENTS_VERSION) {
    return undefined;
  }
  return {
    message: `blockcopy ${hello.blockcopy} on ${whereIs(side.end)} tells events of format ${hello.events}, and ${VERSION} here knows ${EVENTS_VERSION}`,
    advice: adviceOn(side, hello.blockcopy),
  };
}

/** What a side that has failed said, with both versions where that they differ may be why. */
export function withVersions(side: Side, error: Words & { code: number }): Words {
  const there = versionOf(side);
  if (there === VERSION || !MAY_BE_VERSION.includes(error.code)) {
    return error;
  }
  return {
    message: `${error.message} (blockcopy ${there} there, ${VERSION} here)`,
    advice: `${error.advice}; if that is because the versions differ, ${adviceOn(side, there)}`,
  };
}

function adviceOn({ end }: Side, there: string): string {
  const where = whereIs(end);
  const order = compare(there, VERSION);
  if (order === 0) {
    return `install the same blockcopy here and on ${where}`;
  }
  return order < 0
    ? `install blockcopy ${VERSION} on ${where}, which has the older one`
    : `install blockcopy ${there} here: this is the older one`;
}

/** Which of two versions is the older one, as in a sort: by the numbers in front. */
function compare(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.split(/[.+-]/, 3).map(Number));
  const differing = [0, 1, 2].find((place) => a?.[place] !== b?.[place]);
  return differing === undefined ? 0 : (a?.[differing] ?? 0) - (b?.[differing] ?? 0);
}
