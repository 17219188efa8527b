import type { StageEvent } from "../event-lines.ts";

/** A map from another host has no more buckets than this. */
const MOST_BUCKETS = 4096;

/** Nor has anything that it says more characters, or more counters, than this. */
const MOST_CHARACTERS = 4096;
const MOST_COUNTERS = 64;

/** The event that a line is; undefined for any other line, as ssh and shells print. */
export function parseEvent(line: string): StageEvent | undefined {
  if (!line.startsWith('{"event":"')) {
    return undefined;
  }
  let value: unknown;
  try {
    value = JSON.parse(line, shortened);
  } catch {
    return undefined;
  }
  const known = isEvent(value as Fields);
  if (known === undefined) {
    return { event: "unknown" };
  }
  return known ? (value as StageEvent) : undefined;
}

/** A string of another host goes into messages, and no message is that long. */
function shortened(_key: string, value: unknown): unknown {
  return typeof value === "string" ? value.slice(0, MOST_CHARACTERS) : value;
}

/** What an event may have, as it comes from another host. */
type Fields = Readonly<Record<string, unknown>>;

/** Whether an event has what it must have; undefined for one that this version does not know. */
function isEvent(fields: Fields): boolean | undefined {
  const { event, blockcopy, events, total, instance, done, counts, spent, aside } = fields;
  const { message, advice, code, synced, outcome, proof } = fields;
  switch (event) {
    case "hello":
      return isVersion(blockcopy) && isCount(events);
    case "begin":
      return (total === null || isCount(total)) && isInstance(instance);
    case "progress":
      return isCount(done) && isCounts(counts) && (spent === undefined || isSpent(spent));
    case "aside":
      return aside === null || isAside(aside as Fields);
    case "map":
      return isMap(fields);
    case "warning":
      return typeof message === "string";
    case "error":
      return (
        typeof message === "string" &&
        typeof advice === "string" &&
        isCount(code) &&
        code > 0 &&
        code < 256 &&
        (synced === undefined || isCount(synced))
      );
    case "end":
      return (
        (outcome === null || typeof outcome === "string") && (proof === undefined || isProof(proof))
      );
    default:
      return undefined;
  }
}

/** It goes into messages. */
function isVersion(value: unknown): boolean {
  return typeof value === "string" && /^[0-9A-Za-z.+-]{1,64}$/.test(value);
}

function isInstance(value: unknown): boolean {
  return value === undefined || value === null || typeof value === "string";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isCounts(value: unknown): boolean {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const counters = Object.values(value);
  return counters.length <= MOST_COUNTERS && counters.every(isCount);
}

/** How time is spent: milliseconds, not always whole ones. */
function isSpent(value: unknown): boolean {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const { elapsed, cpu, threads, input, output } = value as Fields;
  return [elapsed, cpu, threads, input, output].every(
    // A number may be too large for JSON.parse, which makes it Infinity.
    (part) => typeof part === "number" && Number.isFinite(part) && part >= 0,
  );
}

function isProof(value: unknown): boolean {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const { verified, changed } = value as Fields;
  return ["none", "written", "full"].includes(String(verified)) && isCount(changed);
}

function isAside(value: Fields): boolean {
  return (
    typeof value === "object" &&
    typeof value["what"] === "string" &&
    isCounts({ total: value["total"], done: value["done"] })
  );
}

function isMap({ length, bucket, changed }: Fields): boolean {
  return (
    isCount(length) &&
    isCount(bucket) &&
    Array.isArray(changed) &&
    changed.length <= MOST_BUCKETS &&
    changed.every(isCount)
  );
}
