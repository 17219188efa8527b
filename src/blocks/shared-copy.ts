import { type Hashing, knownDigest } from "../protocol/digest.ts";
import { isBlockSize, MAX_POSITION } from "../protocol/limits.ts";
import { SharedListError } from "../transport/files/shared-list-error.ts";
import type { ProcessId } from "../transport/processes/process-tree.ts";
import { MOST_PARTS } from "./part.ts";

/** Most streams of a copy: their numbers are bytes of the list, and two digits in a command. */
const MOST_STREAMS = 99;

/** The largest number of a descriptor. */
const MOST_DESCRIPTORS = 2 ** 31 - 1;

/** The largest number of a process. */
const MOST_PROCESSES = 2 ** 31 - 1;

/** A copy whose streams take one part after the other. All of them divide it in the same way. */
export interface SharedCopy {
  /** Bytes in the destination before the copy. */
  size: number;
  /** Bytes that it gets with the first write: as many as the source has, if it may grow and the source is longer; otherwise `size`. */
  grownTo: number;
  /** True if the last part includes what the source has after the end of the destination. */
  openEnded: boolean;
  /** Number of streams. */
  streams: number;
  /** Bytes in a part, at least; the last one may have fewer. */
  length: number;
  /** Number of parts. */
  parts: number;
  /** The identity of the destination, which no other file or device may take the place of; undefined if it is not known. */
  instance?: string | undefined;
  /** The files of a digest cache that the streams share; undefined without one. */
  digests?: SharedDigests;
}

/** Longest identity: there is no more room for it in the list. */
const LONGEST_INSTANCE = 120;

/** Returns an identity if it has room in the list. */
export function shortInstance(instance: string | null): string | undefined {
  return instance !== null && isInstance(instance) ? instance : undefined;
}

/** The files of a digest cache that the first process of the first stream has open for all streams. */
export interface SharedDigests {
  /** That process. */
  owner: ProcessId;
  /** Algorithm and block size of the cache, which all streams use. */
  hashing: Hashing;
  /** The descriptor of the digest cache. */
  cache: number;
  /** The root digest that it names, in hexadecimal. */
  root: string;
  /** For each later stream, the descriptor of the file for what it has written. */
  records: readonly number[];
}

/**
 * Reads what the first stream has written of the copy, in a file that any process of the same user can write to.
 *
 * @param stream the number of a stream of the copy
 * @throws SharedListError
 */
export function parseCopy(text: string, stream: number): SharedCopy {
  const copy = parsed(text);
  if (copy === undefined || stream > copy.streams) {
    throw new SharedListError(
      `the list of the parts of this copy does not begin as one for stream ${stream}`,
    );
  }
  return copy;
}

function parsed(text: string): SharedCopy | undefined {
  let copy: Partial<Record<keyof SharedCopy, unknown>> | null;
  try {
    copy = JSON.parse(text) as typeof copy;
  } catch {
    return undefined;
  }
  const { size, grownTo, openEnded, streams, length, parts, instance, digests, ...others } =
    copy ?? {};
  const isRight =
    isCount(size, 0, MAX_POSITION) &&
    isCount(grownTo, size, MAX_POSITION) &&
    typeof openEnded === "boolean" &&
    isCount(streams, 1, MOST_STREAMS) &&
    isCount(length, 1, MAX_POSITION) &&
    isCount(parts, 1, MOST_PARTS + 1) &&
    (parts - 1) * length <= grownTo &&
    (instance === undefined || isInstance(instance)) &&
    Object.keys(others).length === 0;
  if (!isRight) {
    return undefined;
  }
  const known = instance === undefined ? {} : { instance };
  const parsedCopy = { size, grownTo, openEnded, streams, length, parts, ...known };
  if (digests === undefined) {
    return parsedCopy;
  }
  return isShared(digests, streams) ? { ...parsedCopy, digests } : undefined;
}

function isInstance(value: unknown): value is string {
  return (
    typeof value === "string" && value.length <= LONGEST_INSTANCE && /^[ !#-[\]-~]+$/.test(value)
  );
}

function isShared(value: unknown, streams: number): value is SharedDigests {
  const {
    owner,
    hashing,
    cache,
    root,
    records,
    ...others
  }: Partial<Record<keyof SharedDigests, unknown>> = value ?? {};
  return (
    isProcess(owner) &&
    isHashing(hashing) &&
    isCount(cache, 0, MOST_DESCRIPTORS) &&
    typeof root === "string" &&
    /^[0-9a-f]{128}$/.test(root) &&
    Array.isArray(records) &&
    records.length === streams - 1 &&
    records.every((file) => isCount(file, 0, MOST_DESCRIPTORS)) &&
    Object.keys(others).length === 0
  );
}

function isProcess(value: unknown): value is ProcessId {
  const { pid, started, ...others }: Partial<Record<keyof ProcessId, unknown>> = value ?? {};
  return (
    isCount(pid, 1, MOST_PROCESSES) &&
    typeof started === "string" &&
    /^\d{1,20}$/.test(started) &&
    Object.keys(others).length === 0
  );
}

function isHashing(value: unknown): value is Hashing {
  const { digest, blockSize, ...others }: Partial<Record<keyof Hashing, unknown>> = value ?? {};
  return (
    typeof digest === "string" &&
    knownDigest(digest) !== undefined &&
    typeof blockSize === "number" &&
    isBlockSize(blockSize) &&
    Object.keys(others).length === 0
  );
}

function isCount(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
}
