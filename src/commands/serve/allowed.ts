import { availableParallelism } from "node:os";

import { VERSION } from "../../native/installation.ts";
import { isPlain, matches } from "./pattern.ts";
import { RefusedError, type Stage } from "./refused-error.ts";
import type { Request } from "./request.ts";

/** The rights of a key. */
export interface Rights {
  /** Patterns for files that may be read. */
  read: readonly string[];
  /** Patterns for files that may be written, and read for that. */
  write: readonly string[];
  /** True if files may be created where they may be written. */
  create: boolean;
}

/** Options that touch nothing but the file, the streams and the CPU of a stage; true for those with a value. */
const OF_BOTH: Readonly<Record<string, boolean>> = {
  "--bwlimit": true,
  "--direct": true,
  "--threads": true,
  "--queue-depth": true,
  "--verbose": false,
  "--dry-run": false,
  "--sizes": true,
};

/** Options of a `receive` that only reads, for `compare`. */
const OF_COMPARISON: Readonly<Record<string, boolean>> = {
  ...OF_BOTH,
  "--compare": false,
  "--verify": true,
  "--start": true,
  "--end": true,
  "--digest": true,
  "--block-size": true,
  "--preface": false,
};

/** Options of each stage: `compare` stands for a `receive` that only reads. */
const ALLOWED = {
  retrieve: {
    ...OF_BOTH,
    "--events": false,
    "--compress": true,
    "--needs-start": true,
    "--needs-end": true,
    "--source-size": true,
    "--whole": false,
    "--map": false,
    "--report-ranges": false,
    "--read-holes": false,
  },
  compare: OF_COMPARISON,
  receive: {
    ...OF_COMPARISON,
    "--audit": true,
    "--describe": false,
    "--create": false,
    "--truncate": false,
    "--sparse": false,
    "--times": false,
    "--lock": false,
    "--root-first": false,
    "--part": true,
    "--hold": false,
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, boolean>>>>;

const SNAPSHOT = "leave it out: this key can only read; copy a snapshot that is made there";

/** Advice on options that are refused on purpose. */
const ADVICE: Readonly<Record<string, string>> = {
  "--force": "leave it out",
  "--queue": "leave out --streams: a key that writes allows one stream",
  "--perms": "leave out -a, -o, -g and -p; -t is allowed",
  "--owner": "leave out -a, -o, -g and -p; -t is allowed",
  "--group": "leave out -a, -o, -g and -p; -t is allowed",
  "--numeric-ids": "leave out -a, -o, -g and -p; -t is allowed",
  "--digest-cache": "leave it out: it names another file there",
  "--encoded-digest-cache": "leave out --digest-cache: it names another file there",
  "--format":
    "leave out --source-format and --destination-format: this key gives access to files, not to the disks in them",
  "--wire": "leave it out",
  "--incremental": SNAPSHOT,
  "--tunnel": "leave out --transport: this key may only use the connection of ssh",
  ...Object.fromEntries(
    ["--snapshot", "--snapshot-size", "--before", "--after", "--hook-timeout"].flatMap((name) =>
      [name, name.replace("--", "--encoded-")].map((each) => [each, SNAPSHOT]),
    ),
  ),
};

/**
 * Checks a request against the rights of a key. Returns the words to run the stage with.
 *
 * @throws RefusedError
 */
export function allowedWords(request: Request, rights: Rights): string[] {
  const { stage, options, file } = request;
  const asked = stage === "receive" && options.includes("--compare") ? "compare" : stage;
  for (const option of options) {
    checkOption(stage, option, ALLOWED[asked]);
  }
  if (options.includes("--create") && !rights.create) {
    const advice = "create the file there first, or have its administrator add --allow-create";
    throw new RefusedError(stage, "--create", advice);
  }
  checkFile(stage, file, asked === "receive" ? "write" : "read", rights);
  if (!isMatched(file, rights.read)) {
    options.forEach((option) => checkOffset(stage, option));
  }
  // Without events, a failure could not be told to the other side.
  const events = stage === "retrieve" ? ["--events"] : [];
  return [...events, ...options.map(withinCpus), "--", file];
}

/** Limits the number of threads to the CPUs of this host: more are no faster, and each may take memory for compressing. */
function withinCpus(option: string): string {
  const [, count] = /^--threads=(\d+)$/.exec(option) ?? [];
  return count === undefined
    ? option
    : `--threads=${Math.min(Number(count), availableParallelism())}`;
}

/** Refuses an option that is not on the list, or not in the form that `sync` writes. */
function checkOption(stage: Stage, option: string, list: Readonly<Record<string, boolean>>): void {
  const [, name = option, value] = /^(--[a-z-]+)(=[^]*)?$/.exec(option) ?? [];
  if (!Object.hasOwn(list, name) || list[name] !== (value !== undefined)) {
    const known = ADVICE[name] ?? `leave it out, or use another version (there: ${VERSION})`;
    throw new RefusedError(stage, name, known);
  }
}

/** The smallest piece of a file whose digest whoever may only write it gets: the smallest block. */
const GRID = 4096;

/** Refuses an offset that would make a block short: the digest of one byte tells the byte. */
function checkOffset(stage: Stage, option: string): void {
  const [, name, offset] = /^(--start|--end)=([^]*)$/.exec(option) ?? [];
  if (name !== undefined && Number(offset) % GRID !== 0) {
    const advice = `give a multiple of ${GRID}, or have its administrator add --allow-read`;
    throw new RefusedError(stage, `${name} ${offset} where it may only write`, advice);
  }
}

function isMatched(file: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matches(pattern, file));
}

const DOING = { read: "reading", write: "writing" } as const;

/** Refuses a file that no pattern matches. What may be written may be compared too: whoever writes gets digests in any case. */
function checkFile(
  stage: Stage,
  file: string,
  right: "read" | "write",
  { read, write }: Rights,
): void {
  if (!isPlain(file)) {
    const advice = "leave out empty parts, . and .., and a slash at its end";
    throw new RefusedError(stage, `the path ${file}`, advice);
  }
  const mayBeDigested = stage === "receive" ? write : [];
  const patterns = right === "read" ? [...read, ...mayBeDigested] : write;
  if (!isMatched(file, patterns)) {
    const advice = `name a file that it allows, or have its administrator add --allow-${right}`;
    throw new RefusedError(stage, `${DOING[right]} ${file}`, advice);
  }
}
