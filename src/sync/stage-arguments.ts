import { encodedName } from "../native/names.ts";
import type { Part } from "../blocks/part.ts";
import { attributeOptions, type Carried } from "../stages/save/metadata.ts";
import type { SnapshotOptions } from "../snapshots/snapshot-options.ts";
import type { Format } from "../stages/image/format.ts";
import type { Verify } from "../stages/save/verify.ts";
import type { Sizes } from "../blocks/destination-sizes.ts";
import { needsNoQuotes } from "./connection/shell-words.ts";

/** The options of a copy between hosts. */
export interface CopyOptions extends Carried, SnapshotOptions {
  /** Formats of the ends; undefined for raw, with a warning for what begins like an image. */
  sourceFormat: Format | undefined;
  destinationFormat: Format | undefined;
  direct: string;
  threads: number | undefined;
  queueDepth: number | undefined;
  /** Make the stages print details for debugging. */
  wantsDetails: boolean;
  /** Write nothing, only report what would be done. */
  dryRun: boolean;
  /** Only compare, in a dry run: refuse nothing that only matters for writing, and report the ranges that differ. */
  compare: boolean;
  /** The codec; undefined means "choose automatically": `auto` over a connection. */
  compress: string | undefined;
  digest: string | undefined;
  blockSize: number | undefined;
  /** Limit in bytes per second, for each direction. */
  bwlimit: number | undefined;
  start: number | undefined;
  end: number | undefined;
  /** The range map, a file on this host. */
  ranges: string | undefined;
  /** The file that gets the block stream instead of the destination. */
  delta: string | undefined;
  /** The part of the destination to compare in addition to the ranges. */
  audit: Part | undefined;
  /** Compare only what has changed since the last copy with this name; undefined for a usual copy. */
  incremental: string | undefined;
  allowLarger: boolean;
  force: boolean;
  /** Lock the destination; refuse one that another program has locked. */
  lock: boolean;
  sparse: boolean;
  create: boolean;
  verify: Verify;
  /** Number of connections to each host, which divide the copy; undefined for one. */
  streams: number | undefined;
  /** Make a change map. */
  map: boolean;
  /** The digest cache, a file on the host of the destination. */
  digestCache: string | undefined;
}

/**
 * Returns the arguments that run `retrieve`, without the source.
 *
 * @param facts `linked`: true if the ends are on different hosts; `size`: that of the source, as the first of several streams has found it
 */
export function retrieveArguments(
  options: CopyOptions,
  { linked, size }: { linked: boolean; size?: number | undefined },
): string[] {
  return [
    "retrieve",
    "--events",
    ...valued("--format", options.sourceFormat),
    ...commonArguments(options),
    ...valued("--compress", compressOf(options, { linked })),
    ...valued("--sizes", sizesOf(options)),
    ...neededRange(options),
    ...valued("--source-size", size),
    ...snapshotArguments(options),
    ...valued("--incremental", options.incremental),
    ...flags({
      "--whole": isWhole(options),
      "--map": options.map,
      "--report-ranges": options.compare,
      "--read-holes": options.audit !== undefined,
    }),
  ];
}

/** Returns the options for a snapshot. Shells read its commands twice: that of the login there must not change them. */
function snapshotArguments(options: CopyOptions): string[] {
  const { snapshot, snapshotSize: size, before, after, hookTimeout } = options;
  return [
    ...valued("--snapshot", snapshot === "none" ? undefined : snapshot),
    ...valued("--snapshot-size", size === undefined ? undefined : `${size}B`),
    ...valued("--encoded-before", before && encodedName(before)),
    ...valued("--encoded-after", after && encodedName(after)),
    ...valued("--hook-timeout", hookTimeout),
  ];
}

/** Demands that the source has all of a range: if it were too short, it would look as if nothing differed. Not with --truncate. */
function neededRange({ truncate, start, end }: CopyOptions): string[] {
  return truncate ? [] : [...valued("--needs-start", start), ...valued("--needs-end", end)];
}

/** The part of a copy that one of several streams does. */
interface StreamPart {
  /** Undefined if there is only one stream. */
  part?: Part | undefined;
  /** The queue of parts that another stream has open; undefined for fixed parts, and for the first stream, which makes it. */
  queue?: string | undefined;
  /** The process that had this part before, as its host names it; undefined if none had. */
  replaces?: string | undefined;
}

/** Returns the arguments that run `receive`, for one of several streams or for the whole copy, without the destination. */
export function receiveArguments(
  options: CopyOptions,
  { part, queue, replaces }: StreamPart = {},
): string[] {
  if (part === undefined) {
    return ["receive", ...firstArguments(options)];
  }
  const isFirst = part.number === 1;
  return [
    "receive",
    `--part=${part.number}/${part.count}`,
    ...flags({ "--hold": isFirst }),
    ...valued("--queue", queue ?? (isFirst ? "new" : undefined)),
    ...valued("--replaces", replaces),
    ...(isFirst ? firstArguments(options) : laterArguments(options)),
  ];
}

/** Returns the options of the first `receive`, which claims the destination from start to end. */
function firstArguments(options: CopyOptions): string[] {
  const { force, lock, sparse, create, numericIds } = options;
  return [
    ...commonArguments(options),
    ...flags({
      "--force": force,
      "--lock": lock,
      "--sparse": sparse,
      "--create": create,
      ...attributeOptions(options),
      "--numeric-ids": numericIds,
      "--describe": options.incremental !== undefined,
      "--root-first": options.delta !== undefined,
      "--compare": options.compare,
    }),
    ...cacheArguments(options.digestCache),
    ...readingArguments(options),
  ];
}

/** Returns the option for the digest cache. Like the file of a stage, its name is encoded if a shell might change it. */
function cacheArguments(cache: string | undefined): string[] {
  if (cache === undefined || needsNoQuotes(cache)) {
    return valued("--digest-cache", cache);
  }
  return valued("--encoded-digest-cache", encodedName(cache));
}

/** Returns the options of a later `receive`, which writes to the destination that the first one has claimed. */
function laterArguments(options: CopyOptions): string[] {
  return [
    ...commonArguments(options),
    ...flags({ "--force": true, "--sparse": options.sparse }),
    ...cacheArguments(options.digestCache),
    ...readingArguments(options),
  ];
}

/**
 * Bytes of the smallest chunk of a thin pool, the usual one. All chunks are multiples of it, so no block of this size is read for its
 * neighbour's sake.
 */
const LEAST_CHUNK = 64 * 1024;

/** Returns the options for reading the destination. */
function readingArguments(options: CopyOptions): string[] {
  const { verify, start, end, ranges, incremental, audit, digest, blockSize } = options;
  // `any` is the default of `receive`.
  const sizes = sizesOf(options) === "any" ? undefined : sizesOf(options);
  return [
    ...valued("--format", options.destinationFormat),
    ...valued("--sizes", sizes),
    ...valued("--verify", verify),
    ...valued("--start", start),
    ...valued("--end", end),
    ...flags({ "--preface": ranges !== undefined || incremental !== undefined }),
    ...valued("--audit", audit && `${audit.number}/${audit.count}`),
    ...valued("--digest", digest),
    ...valued("--block-size", blockSize ?? (incremental === undefined ? undefined : LEAST_CHUNK)),
  ];
}

/** Returns the options of both stages. */
function commonArguments(options: CopyOptions): string[] {
  const { dryRun, direct, threads, queueDepth, wantsDetails, bwlimit } = options;
  return [
    ...valued("--bwlimit", bwlimit === undefined ? undefined : `${shareOf(bwlimit, options)}B`),
    ...valued("--direct", direct),
    ...valued("--threads", threads),
    ...valued("--queue-depth", queueDepth),
    ...flags({ "--verbose": wantsDetails, "--dry-run": dryRun }),
  ];
}

/** True if one stream compares the whole destination. */
export function isWhole({ streams, start, end, ranges, incremental }: CopyOptions): boolean {
  const parts = [start, end, ranges, incremental];
  return (streams ?? 1) === 1 && parts.every((part) => part === undefined);
}

/** Divides a rate among the streams. */
function shareOf(rate: number, { streams, dryRun }: CopyOptions): number {
  return dryRun ? rate : Math.max(1, Math.floor(rate / (streams ?? 1)));
}

/** Returns the codec of a copy. A dry run has no link that `auto` could measure, so it counts with zstd, which pays off on most links. */
export function compressOf(
  { compress = "auto", dryRun }: CopyOptions,
  { linked }: { linked: boolean },
): string {
  if (compress !== "auto") {
    return compress;
  }
  if (!linked) {
    return "none";
  }
  return dryRun ? "zstd" : "auto";
}

/** Returns the sizes that the destination may have. What one option allows, another does not forbid. */
export function sizesOf(options: CopyOptions): Sizes {
  const { compare, truncate, start, end, allowLarger, create } = options;
  const isPart = start !== undefined || end !== undefined;
  if (compare || truncate || isPart || (create && allowLarger)) {
    return "any";
  }
  if (allowLarger) {
    return "larger";
  }
  return create ? "new" : "same";
}

/** Returns an option with its value as an argument; nothing if the value is undefined. */
function valued(option: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${option}=${value}`];
}

/** Returns the options that are true. */
function flags(options: Readonly<Record<string, boolean>>): string[] {
  return Object.entries(options).flatMap(([option, given]) => (given ? [option] : []));
}
