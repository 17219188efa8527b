import * as t from "typanion";

import { ProtocolError } from "../protocol/error.ts";
import { MAX_POSITION } from "../protocol/limits.ts";
import {
  encodeRangeList,
  LIST_END_LENGTH,
  LIST_HEADER_LENGTH,
  MAX_EXTENTS,
  RANGE_LENGTH,
  RangeListDecoder,
} from "../protocol/range-list.ts";
import { type Extent, type ExtentList, Extents } from "../ranges/extents.ts";
import { JsonLine } from "../ui/json-line.ts";
import { isCount, isDestination } from "./destination.ts";

const isWord = t.cascade(t.isString(), [t.matchesRegExp(/^[0-9A-Za-z.:-]{1,64}$/)]);

/** The facts that a base was recorded with. */
const isFacts = t.isObject({
  blockcopy: t.isLiteral("the base of an incremental copy"),
  version: t.isLiteral(1),
  /** Time of the last complete copy. */
  at: isWord,
  /** The volume that is copied. */
  volume: t.isObject({ group: isWord, uuid: isWord, thinId: isWord, size: isCount }),
  pool: t.isObject({ uuid: isWord, chunk: isCount, transaction: isCount }),
  /** The snapshot that the destination was equal to. */
  base: t.isObject({ uuid: isWord, thinId: isWord }),
  destination: isDestination,
});

export type BaseFacts = Omit<t.InferType<typeof isFacts>, "blockcopy" | "version">;

/**
 * The record of a base. It promises that the destination is equal to the base, except in the pending ranges: those that later copies were
 * about to write, and did not end well.
 */
export interface BaseRecord {
  facts: BaseFacts;
  pending: ExtentList;
}

/** Everything, whatever the size. */
export const EVERYTHING: Extent = { start: 0, end: MAX_POSITION };

/** Bytes of a list of ranges to decode at once. */
const CHUNK = 4096 * RANGE_LENGTH;

/** Longest first line, in bytes. */
const MOST_FACTS = 65_536;

/** Longest record, in bytes. */
export const MOST_BYTES =
  MOST_FACTS + LIST_HEADER_LENGTH + MAX_EXTENTS * RANGE_LENGTH + LIST_END_LENGTH;

/** Encodes a record: a line of JSON in ASCII, and a range list with its checksum. */
export function encodeRecord({ facts, pending }: BaseRecord): Uint8Array[] {
  const about = { blockcopy: "the base of an incremental copy", version: 1 } as const;
  const line = new JsonLine({ ...about, ...facts }).text;
  return [Buffer.from(`${line}\n`, "latin1"), ...encodeRangeList(pending)];
}

/**
 * Decodes a record.
 *
 * @throws Error that says what is wrong with it
 */
export function decodeRecord(bytes: Uint8Array): BaseRecord {
  const end = bytes.subarray(0, MOST_FACTS).indexOf(0x0a);
  if (end === -1) {
    throw new Error("it has no first line");
  }
  const facts: unknown = JSON.parse(Buffer.from(bytes.subarray(0, end)).toString("latin1"));
  if (!isFacts(facts)) {
    throw new Error("its first line is not one of this version");
  }
  const { blockcopy: _, version: __, ...rest } = facts;
  return { facts: rest, pending: decodeRanges(bytes.subarray(end + 1)) };
}

function decodeRanges(bytes: Uint8Array): Extents {
  if (bytes.length < LIST_HEADER_LENGTH + LIST_END_LENGTH) {
    throw new Error("its list of ranges is cut off");
  }
  try {
    const decoder = new RangeListDecoder(bytes.subarray(0, LIST_HEADER_LENGTH));
    const end = LIST_HEADER_LENGTH + decoder.count * RANGE_LENGTH;
    if (bytes.length !== end + LIST_END_LENGTH) {
      throw new Error("its list of ranges has another length than it says");
    }
    const extents = new Extents();
    for (let at = LIST_HEADER_LENGTH; at < end; at += CHUNK) {
      const some = decoder.extents(bytes.subarray(at, Math.min(at + CHUNK, end)));
      for (const extent of some) extents.append(extent);
    }
    decoder.end(bytes.subarray(end));
    return extents;
  } catch (error) {
    throw error instanceof ProtocolError ? new Error("its list of ranges is damaged") : error;
  }
}
