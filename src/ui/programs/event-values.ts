import * as t from "typanion";

import { PROCESS, QUEUE } from "./stream-share.ts";

/** The most counters that an event from another host may have. */
const MOST_COUNTERS = 64;

/** Allows fields that this version does not know: a newer one may add some. */
export const OPEN = { extra: t.isUnknown() };

/** A number of anything. JSON.parse turns a number that is too large into Infinity, which none of these accepts. */
export const isCount = t.cascade(t.isNumber(), [t.isInteger(), t.isAtLeast(0)]);
/** A measured number. */
export const isNonNegative = t.cascade(t.isNumber(), [t.isInInclusiveRange(0, Number.MAX_VALUE)]);
/** The exit code of a failure. */
export const isExitCode = t.cascade(t.isNumber(), [t.isInteger(), t.isInInclusiveRange(1, 255)]);

/** The text of a public key, in hexadecimal. */
export const isKey = t.cascade(t.isString(), [t.matchesRegExp(/^[0-9a-f]{88}$/)]);

/** An address without a zone, which has a meaning on one host only. */
export const ADDRESS = /^[0-9A-Fa-f.:]{2,45}$/;

/** An {@link ADDRESS}. */
export const isAddress = t.cascade(t.isString(), [t.matchesRegExp(ADDRESS)]);

/** A port of TCP. */
export const isPort = t.cascade(t.isNumber(), [t.isInteger(), t.isInInclusiveRange(1, 65_535)]);

/** The name of a queue of parts. */
export const isQueue = t.cascade(t.isString(), [t.matchesRegExp(QUEUE)]);

/** A process that another one can replace. */
export const isProcess = t.cascade(t.isString(), [t.matchesRegExp(PROCESS)]);

/** A version goes into messages. */
export const isVersion = t.cascade(t.isString(), [t.matchesRegExp(/^[0-9A-Za-z.+-]{1,64}$/)]);

/** The counters of a stage, by their names. */
export const isCounts = t.cascade(t.isRecord(isCount), [
  (counts: Readonly<Record<string, number>>) => Object.keys(counts).length <= MOST_COUNTERS,
]);

/** Time spent by a program since it began, in milliseconds. */
export const isTimeSpent = t.isObject(
  {
    /** All of it. */
    elapsed: isNonNegative,
    /** On the CPU or waiting for one, summed over all threads. */
    cpu: isNonNegative,
    /** Number of threads that it has work for. */
    threads: isNonNegative,
    /** Waiting for data on standard input. */
    input: isNonNegative,
    /** Waiting for room on standard output. */
    output: isNonNegative,
  },
  OPEN,
);

/** The slowest part of a copy. */
export const isBottleneck = t.isObject(
  {
    what: t.isEnum(["cpu", "disk", "link", "bwlimit"] as const),
    side: t.isNullable(t.isEnum(["source", "destination"] as const)),
    host: t.isNullable(t.isString()),
  },
  OPEN,
);

/** A range of bytes: its offset, and its length. */
export const isRange = t.isTuple([isCount, isCount]);

/** The findings of the audit of a range map. */
const AUDIT_FINDINGS = {
  /** Bytes that were compared for the audit alone. */
  compared: isCount,
  /** Number of blocks that differed there, and were repaired. */
  blocks: isCount,
  /** Bytes of these blocks that lie there. */
  bytes: isCount,
  /** Offset of the first of these bytes; null if nothing differed. */
  first: t.isNullable(isCount),
};

const isAuditFindings = t.isObject(AUDIT_FINDINGS, OPEN);

/** The same, with the part that was audited, from 1, and the number of parts. */
const isAudit = t.isObject({ ...AUDIT_FINDINGS, part: isCount, parts: isCount }, OPEN);

/** The proof that a destination gives when it is done. */
export const isProof = t.isObject(
  {
    /** The verification by reading back that it has passed. */
    verified: t.isEnum(["none", "written", "full"] as const),
    /** Bytes of the blocks that it has written. */
    changed: isCount,
    /** With `--audit`. */
    audit: t.isOptional(isAuditFindings),
  },
  OPEN,
);

/** The result of a copy in numbers, which are bytes unless they say otherwise. */
export const isSummary = t.isObject(
  {
    /** Bytes of the source that were compared. */
    read: isCount,
    /** Bytes of those that were the same. */
    same: isCount,
    /** Number of blocks that differed. */
    blocks: isCount,
    /** Bytes of these blocks. */
    changed: isCount,
    /** Bytes that were sent from one host to the other; null for a copy within one program. */
    sent: t.isNullable(isCount),
    /** Bytes of `changed` that were sent as blocks, before compression. The rest was sent as the lengths of ranges of zeros. */
    plain: isCount,
    /** Bytes that these blocks used on the wire. */
    packed: isCount,
    /** The verification by reading back, in words. */
    verified: t.isNullable(t.isString()),
    /** True if nothing was written. */
    dryRun: t.isBoolean(),
    /** The lengths of source and destination before the copy; null where no stage has seen the whole of both. */
    sizes: t.isOptional(t.isNullable(t.isObject({ source: isCount, destination: isCount }, OPEN))),
    seconds: isNonNegative,
    /** The offset of the first block that differs; null if none does. Only after a comparison. */
    first: t.isOptional(t.isNullable(isCount)),
    /** With `--audit`. */
    audit: t.isOptional(isAudit),
  },
  OPEN,
);

export type TimeSpent = t.InferType<typeof isTimeSpent>;

export type CopySummary = t.InferType<typeof isSummary>;

export type Range = t.InferType<typeof isRange>;

export type Proof = t.InferType<typeof isProof>;

export type AuditFindings = t.InferType<typeof isAuditFindings>;
