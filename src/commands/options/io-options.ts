import type { Direct } from "../../blocks/context.ts";
import type { Kind } from "./declare.ts";
import { oneOf } from "./one-of.ts";
import { parsedBy } from "./parsed-by.ts";

/** Settings for how a stage reads and writes; undefined where the stage decides. */
export interface IoOptions {
  direct: Direct;
  /** Threads that hash and compress. */
  threads: number | undefined;
  /** Reads or writes in flight. */
  queueDepth: number | undefined;
}

/** More would only wait for each other: a stage has 32 MiB in flight, in pieces of 1 MiB. */
const MAX_QUEUE_DEPTH = 32;

/**
 * The default for an export: more than for a disk, so that the server always has a request to work on. Otherwise, it and this program fall
 * asleep in turn.
 */
export const EXPORT_QUEUE_DEPTH = 16;

const MAX_THREADS = 1024;

/** sshd(8) refuses some of many connections that arrive together (MaxStartups). */
const MAX_STREAMS = 8;

/** A week. For more, `--timeout 0` sets no limit. */
const MAX_TIMEOUT = 7 * 24 * 60 * 60;

/** An hour. A frozen file system stops whoever writes to it. */
const MAX_HOOK = 60 * 60;

/** Use of direct I/O, which bypasses the page cache. */
export const WHEN: Kind<Direct> = oneOf("WHEN", ["auto", "on", "off"], "on");

/** Seconds without a word from a stage; 0 for no limit. */
export const SECONDS = countKind("SECONDS", MAX_TIMEOUT, 0);

/** Seconds that a command of `--before` or `--after` may take. */
export const HOOK_LIMIT = countKind("SECONDS", MAX_HOOK);

export const THREADS = countKind("COUNT", MAX_THREADS);

/** Number of reads or writes in flight. */
export const QUEUE_DEPTH = countKind("COUNT", MAX_QUEUE_DEPTH);

/** Number of connections to each host. */
export const STREAMS = countKind("COUNT", MAX_STREAMS);

function countKind(name: string, most: number, least = 1): Kind<number> {
  const isCount = (value: unknown): value is number =>
    typeof value === "number" && value >= least && value <= most;
  return {
    name,
    form: /^\d+$/,
    type: "number",
    validator: parsedBy({
      parse: (text) => {
        const count = /^\d+$/.test(text) ? Number(text) : NaN;
        if (!isCount(count)) {
          throw new Error(`${JSON.stringify(text)} is not a number from ${least} to ${most}`);
        }
        return count;
      },
      isParsed: isCount,
      expected: `expected a number from ${least} to ${most}`,
    }),
  };
}
