import { encodedName } from "../native/names.ts";
import type { Part } from "../blocks/part.ts";
import type { Verify } from "../stages/save/verify.ts";
import type { Sizes } from "../blocks/sizes.ts";
import { isPlain } from "./connection/shell-words.ts";

/** What a copy between hosts was asked for, as its options say it. */
export interface CopyOptions {
  direct: string;
  threads: number | undefined;
  queueDepth: number | undefined;
  /** Whether the stages say what only matters when looking for a fault. */
  wantsDetails: boolean;
  /** Only say what would be done. */
  dryRun: boolean;
  /** Undefined for what is best: `auto` over a connection. */
  compress: string | undefined;
  digest: string | undefined;
  blockSize: number | undefined;
  /** Bytes a second that may go either way. */
  bwlimit: number | undefined;
  start: number | undefined;
  end: number | undefined;
  /** The map that says what of the destination to look at, which is read here; undefined for none. */
  ranges: string | undefined;
  /** Where to keep the blocks, instead of writing them to the destination; undefined for nowhere. */
  delta: string | undefined;
  allowLarger: boolean;
  force: boolean;
  /** Refuse a destination that somebody else has locked. */
  lock: boolean;
  sparse: boolean;
  create: boolean;
  truncate: boolean;
  times: boolean;
  perms: boolean;
  owner: boolean;
  group: boolean;
  numericIds: boolean;
  verify: Verify;
  /** Connections to each host, of which each has a part of the copy; undefined for one. */
  streams: number | undefined;
  /** Tell where the blocks are that differ. */
  map: boolean;
  /** Where the digests of the destination are kept, on its host. */
  digestCache: string | undefined;
}

/** The words that run the stage where the source is, but for the name of that. `linked` when a connection is between the two. */
export function retrieveWords(options: CopyOptions, linked: boolean): string[] {
  return [
    "retrieve",
    "--events",
    ...commonWords(options),
    ...valued("--compress", compressOf(options, linked)),
    ...valued("--sizes", sizesOf(options)),
    ...neededWords(options),
    ...flags({ "--whole": isWhole(options), "--map": options.map }),
  ];
}

/** What of the source a range takes: without it, nothing would be copied, as if nothing differed. A file that is cut off needs none. */
function neededWords({ truncate, start, end }: CopyOptions): string[] {
  return truncate ? [] : [...valued("--needs-start", start), ...valued("--needs-end", end)];
}

/** The words that run the stage where the destination is, but for the name of that; for one of several parts, if there are any. */
export function receiveWords(options: CopyOptions, part?: Part): string[] {
  if (part === undefined) {
    return ["receive", ...wholeWords(options)];
  }
  const words = part.number === 1 ? ["--hold", ...wholeWords(options)] : besideWords(options);
  return ["receive", `--part=${part.number}/${part.count}`, ...words];
}

/** Options of the one that has the destination from first to last. */
function wholeWords(options: CopyOptions): string[] {
  const { force, lock, sparse, create, truncate, times, perms, owner, group, numericIds } = options;
  return [
    ...commonWords(options),
    ...flags({
      "--force": force,
      "--lock": lock,
      "--sparse": sparse,
      "--create": create,
      "--truncate": truncate,
      "--times": times,
      "--perms": perms,
      "--owner": owner,
      "--group": group,
      "--numeric-ids": numericIds,
      "--preface": options.ranges !== undefined,
      "--root-first": options.delta !== undefined,
    }),
    ...cacheWords(options.digestCache),
    ...readingWords(options),
  ];
}

/** The option for the digest cache; its name is encoded, as a stage's file is, where a shell might change it. */
function cacheWords(cache: string | undefined): string[] {
  if (cache === undefined || isPlain(cache)) {
    return valued("--digest-cache", cache);
  }
  return valued("--encoded-digest-cache", encodedName(cache));
}

/** Options of one that writes beside the one that has the destination, which has claimed it. */
function besideWords(options: CopyOptions): string[] {
  return [
    ...commonWords(options),
    ...flags({ "--force": true, "--sparse": options.sparse }),
    ...readingWords(options),
  ];
}

/** Options that say what of the destination is read, and how. */
function readingWords(options: CopyOptions): string[] {
  const { verify, start, end, digest, blockSize } = options;
  // What takes any size is what is done without the word.
  const sizes = sizesOf(options) === "any" ? undefined : sizesOf(options);
  return [
    ...valued("--sizes", sizes),
    ...valued("--verify", verify),
    ...valued("--start", start),
    ...valued("--end", end),
    ...valued("--digest", digest),
    ...valued("--block-size", blockSize),
  ];
}

/** Options of either stage. */
function commonWords(options: CopyOptions): string[] {
  const { dryRun, direct, threads, queueDepth, wantsDetails, bwlimit } = options;
  return [
    ...valued("--bwlimit", bwlimit === undefined ? undefined : `${shareOf(bwlimit, options)}B`),
    ...valued("--direct", direct),
    ...valued("--threads", threads),
    ...valued("--queue-depth", queueDepth),
    ...flags({ "--verbose": wantsDetails, "--dry-run": dryRun }),
  ];
}

/** Whether all of the destination is looked at. */
function isWhole({ streams, start, end, ranges }: CopyOptions): boolean {
  return (streams ?? 1) === 1 && start === undefined && end === undefined && ranges === undefined;
}

/** What one of several streams has of a rate. */
function shareOf(rate: number, { streams, dryRun }: CopyOptions): number {
  return dryRun ? rate : Math.max(1, Math.floor(rate / (streams ?? 1)));
}

/** How the blocks are compressed. A dry run has no link for `auto` to go by: most links are worth what it counts with. */
function compressOf({ compress = "auto", dryRun }: CopyOptions, linked: boolean): string {
  if (compress !== "auto") {
    return compress;
  }
  if (!linked) {
    return "none";
  }
  return dryRun ? "zstd" : "auto";
}

/** How large the destination may be. */
export function sizesOf({ truncate, start, end, allowLarger, create }: CopyOptions): Sizes {
  if (truncate || start !== undefined || end !== undefined) {
    return "any";
  }
  if (allowLarger) {
    return "larger";
  }
  return create ? "new" : "same";
}

/** An option with its value as words of a command, unless it has none. */
function valued(option: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${option}=${value}`];
}

/** The options that are set. */
function flags(options: Readonly<Record<string, boolean>>): string[] {
  return Object.entries(options).flatMap(([option, given]) => (given ? [option] : []));
}
