import * as t from "typanion";

import { MOST_BUCKETS } from "../change-map.ts";
import {
  OPEN,
  isAddress,
  isBottleneck,
  isCount,
  isCounts,
  isExitCode,
  isKey,
  isNonNegative,
  isPort,
  isProcess,
  isProof,
  isQueue,
  isRange,
  isSummary,
  isTimeSpent,
  isVersion,
} from "./event-values.ts";

/** The most ranges that differ in one event. The next ones are in the next event. */
export const MOST_RANGES = 1024;

/** The destination that an event is about, if it is one of several. Written by `sync`. */
const OF_DESTINATION = {
  /** Its number on the command line, from 1. */
  id: t.isOptional(isCount),
  /** Its name, as given. */
  destination: t.isOptional(t.isString()),
};

/** Bytes of the source that were read, at the end of a run with several destinations. Written by `sync`. */
const READ = t.isOptional(isCount);

/**
 * The events, which docs/events.md describes: lines of JSON that a stage writes to standard error for `sync`, and `sync` to standard output
 * for the program that has started it. Fields that only one of the two writes are optional.
 */
export const EVENTS = {
  /** It runs. */
  hello: t.isObject(
    {
      event: t.isLiteral("hello"),
      blockcopy: isVersion,
      /** Version of the events. */
      events: isCount,
    },
    OPEN,
  ),
  /** It is ready for a direct connection; with a port, it listens for a few seconds. Written by a stage. */
  tunnel: t.isObject(
    {
      event: t.isLiteral("tunnel"),
      /** Its one-time public key. */
      key: isKey,
      port: t.isOptional(isPort),
      /** The addresses of the connection of ssh, as sshd sees it; null if unknown. */
      client: t.isOptional(t.isNullable(isAddress)),
      server: t.isOptional(t.isNullable(isAddress)),
    },
    OPEN,
  ),
  /** It has opened its file. */
  begin: t.isObject(
    {
      event: t.isLiteral("begin"),
      ...OF_DESTINATION,
      /** Bytes to work on; null if unknown. */
      total: t.isNullable(isCount),
      /** Identity of the file or device of a stage, which is unique among all hosts. */
      instance: t.isOptional(t.isNullable(t.isString())),
      /** The queue of parts, by its name in the first destination of several streams, or in a later one that shares its claim. */
      queue: t.isOptional(isQueue),
      /** The process of one of several destinations, which another one can replace. Both hold a lock in the queue, one after the other. */
      process: t.isOptional(isProcess),
      /** Size of the source in bytes. The later ones of several streams copy no more, even if it has grown since. */
      size: t.isOptional(isCount),
    },
    OPEN,
  ),
  progress: t.isObject(
    {
      event: t.isLiteral("progress"),
      ...OF_DESTINATION,
      /** Bytes that are done. */
      done: isCount,
      counts: isCounts,
      /** Written by a stage. */
      spent: t.isOptional(isTimeSpent),
      /** Bytes per second. Written by `sync`. */
      rate: t.isOptional(isNonNegative),
      /** The bottleneck. Written by `sync`. */
      limit: t.isOptional(t.isNullable(isBottleneck)),
    },
    OPEN,
  ),
  /** It does other work, such as reading back; null when that is done. */
  aside: t.isObject(
    {
      event: t.isLiteral("aside"),
      ...OF_DESTINATION,
      aside: t.isNullable(t.isObject({ what: t.isString(), total: isCount, done: isCount }, OPEN)),
    },
    OPEN,
  ),
  warning: t.isObject(
    {
      event: t.isLiteral("warning"),
      ...OF_DESTINATION,
      message: t.isString(),
      /** True for a snapshot that could not be removed. Written by the stage at a source, which has succeeded otherwise. */
      left: t.isOptional(t.isBoolean()),
      /** The first offset at which an audit has found a difference. Written by the stage at a destination. */
      audit: t.isOptional(isCount),
    },
    OPEN,
  ),
  /** It has failed. */
  error: t.isObject(
    {
      event: t.isLiteral("error"),
      ...OF_DESTINATION,
      message: t.isString(),
      advice: t.isString(),
      code: isExitCode,
      /** True if it failed because another stage had gone. Written by a stage. */
      consequence: t.isOptional(t.isBoolean()),
      /** Bytes that were written and synced before a cancellation. Written by a stage. */
      synced: t.isOptional(isCount),
      /** True if its input did not come from a stage. Written by a stage. */
      foreign: t.isOptional(t.isBoolean()),
      /** True if the direct connection did not come up, so that nothing was sent. Written by a stage. */
      tunnel: t.isOptional(t.isBoolean()),
      /** True if the direct connection was lost. Written by a stage. */
      tunnelLost: t.isOptional(t.isBoolean()),
      /** True if the list of parts has gone with the first of several streams. Written by a stage of another stream. */
      firstStreamGone: t.isOptional(t.isBoolean()),
      read: READ,
    },
    OPEN,
  ),
  /** The change map: the bytes that differ in each bucket. */
  map: t.isObject(
    {
      event: t.isLiteral("map"),
      /** Bytes that the change map covers. */
      length: isCount,
      /** Bytes per bucket. */
      bucket: isCount,
      changed: t.cascade(t.isArray(isCount), [t.hasMaxLength(MOST_BUCKETS)]),
    },
    OPEN,
  ),
  /** Ranges that differ, in ascending order. Written by the stage at the source of a comparison. */
  differ: t.isObject(
    {
      event: t.isLiteral("differ"),
      ranges: t.cascade(t.isArray(isRange), [t.hasMaxLength(MOST_RANGES)]),
    },
    OPEN,
  ),
  /** The destination of an incremental copy, before and after it. Written by the stage there. */
  destination: t.isObject(
    {
      event: t.isLiteral("destination"),
      /** Permanent identifier of the file or device; null if it has none. */
      identity: t.isNullable(t.isString()),
      size: isCount,
      /** Words that change when something is written to it; null if nothing tells. */
      state: t.isNullable(t.isString()),
    },
    OPEN,
  ),
  /** Ranges to compare in an incremental copy. Written by the stage at the source. */
  changed: t.isObject(
    {
      event: t.isLiteral("changed"),
      ranges: t.cascade(t.isArray(isRange), [t.hasMaxLength(MOST_RANGES)]),
      /** True for the last of these events. */
      last: t.isBoolean(),
      /** With the last one: the reason why everything is compared; null if a base tells what has changed. */
      reason: t.isOptional(t.isNullable(t.isString())),
    },
    OPEN,
  ),
  /** It has succeeded. */
  end: t.isObject(
    {
      event: t.isLiteral("end"),
      ...OF_DESTINATION,
      /** The result in words. */
      outcome: t.isNullable(t.isString()),
      /** The result in numbers; null if nothing was counted. Written by `sync`. */
      summary: t.isOptional(t.isNullable(isSummary)),
      read: READ,
      /** Written by the stage at a destination. */
      proof: t.isOptional(isProof),
    },
    OPEN,
  ),
};

/** An event that this version knows. */
type KnownEvent = {
  [Name in keyof typeof EVENTS]: t.InferType<(typeof EVENTS)[Name]>;
}[keyof typeof EVENTS];

/** An event; `unknown` stands for one of a newer version, which can be ignored. */
export type StageEvent = KnownEvent | { event: "unknown" };
