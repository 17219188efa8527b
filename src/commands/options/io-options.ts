import * as t from "typanion";

import type { Direct } from "../../blocks/context.ts";
import { isOneOf } from "./one-of.ts";
import { refuse } from "./refuse.ts";

/** How a stage reads and writes, where it was told. */
export interface IoOptions {
  direct: Direct;
  /** Threads that hash and compress. */
  threads: number | undefined;
  /** Reads or writes in flight. */
  queueDepth: number | undefined;
}

/** More would only wait for each other: a stage has 32 MiB in flight, in pieces of 1 MiB. */
const MAX_QUEUE_DEPTH = 32;

const MAX_THREADS = 1024;

const MAX_STREAMS = 8;

/** A week: whoever wants more wants no limit. */
const MAX_TIMEOUT = 7 * 24 * 60 * 60;

/** A number of seconds without a word; 0 for no limit. */
export const isTimeout = isCount(MAX_TIMEOUT, 0);

/** Whether to go past the page cache. */
export const isDirect: t.StrictValidator<unknown, Direct> = isOneOf(["auto", "on", "off"]);

/** A number of threads. */
export const isThreads = isCount(MAX_THREADS);

/** A number of reads or writes in flight. */
export const isQueueDepth = isCount(MAX_QUEUE_DEPTH);

/** A number of connections to a host: many at once, sshd(8) refuses some of (MaxStartups). */
export const isStreams = isCount(MAX_STREAMS);

function isCount(max: number, least = 1): t.StrictValidator<unknown, number> {
  return t.makeValidator({
    test: (value, state): value is number => {
      const count = Number(value);
      if (!/^\d+$/.test(String(value)) || count < least || count > max) {
        return refuse(state, `${JSON.stringify(value)} is not a number from ${least} to ${max}`);
      }
      if (state?.coercions !== undefined && state.coercion !== undefined) {
        state.coercions.push([state.p ?? ".", state.coercion.bind(null, count)]);
      }
      return true;
    },
  });
}
