import { hostname } from "node:os";

import * as t from "typanion";

/** Longest text in a word or a record: an identifier of the engine has up to 1024 characters, and a path up to 4096. */
const isText = t.cascade(t.isString(), [t.hasMaxLength(8192)]);

/** A number of bytes, or of anything else that is counted. */
export const isCount = t.cascade(t.isNumber(), [t.isInteger(), t.isAtLeast(0)]);

/** The destination of a copy, as `sync` names it and the stage there describes it. */
export const isDestination = t.isObject({
  /** The name of its host. */
  host: isText,
  path: isText,
  /** Permanent identifier of the file or device; null if it has none. */
  identity: t.isNullable(isText),
  size: isCount,
  /** Words that change when something is written to it; null if nothing tells. */
  state: t.isNullable(isText),
});

export type Destination = t.InferType<typeof isDestination>;

/** The word of `sync` to the source before the hash stream. */
export const isOpening = t.isObject({
  destination: isDestination,
  /** True if an audit may find that the destination was not what the record says. */
  audited: t.isBoolean(),
});

/** The word of `sync` to the source once the destination is synced and has proved what it has. */
export const isVerdict = t.isObject({
  /** Bytes of the blocks that the destination has written. */
  changed: isCount,
  destination: isDestination,
  /** True if the audit has found differences, so that no base can be trusted. */
  doubted: t.isBoolean(),
});

/** The facts that the stage at a destination knows of it. */
export type Described = Pick<Destination, "identity" | "size" | "state">;

/** Adds the names of a destination to its description. Without the name of another host, it is on this one. */
export function withNames(
  { identity, size, state }: Described,
  { host = hostname(), path }: { host: string | undefined; path: string },
): Destination {
  return { host, path, identity, size, state };
}

/**
 * Returns the state of a device: the number of sectors that were written to it, and the start of the kernel and the device that they were
 * counted for. All other words name what is counted, so that counters of different devices are never compared.
 */
export function stateOfDevice(counted: {
  boot: string;
  number: string;
  /** The number that the kernel gives each device in turn; empty before Linux 5.15. */
  sequence: string;
  /** Text of `stat` in /sys; see Documentation/block/stat.rst of the kernel. */
  stat: string;
}): string | null {
  const { boot, number, sequence, stat } = counted;
  const fields = stat.trim().split(/\s+/);
  const [written, discarded = "-"] = [fields[6], fields[13]];
  return written === undefined || boot === ""
    ? null
    : `device ${boot} ${number} ${sequence || "-"} ${written} ${discarded}`;
}

/** True if something has certainly been written to a destination between two states; false also if that is unknown. */
export function wasWritten(before: string | null, now: string | null): boolean {
  if (before === null || now === null) {
    return false;
  }
  const [[kind, ...one], [other, ...two]] = [before.split(" "), now.split(" ")];
  if (kind !== other) {
    return false;
  }
  if (kind !== "device") {
    return before !== now;
  }
  const isSameDevice = one.slice(0, 3).join(" ") === two.slice(0, 3).join(" ");
  // Counters that are lower than before have begun again: without its sequence number, a new device looks like the old one.
  return (
    isSameDevice && two.slice(3).some((count, index) => Number(count) > Number(one[3 + index]))
  );
}

/** True if a file has an earlier time of last change than before: it, or its file system, was rolled back. */
export function wasRolledBack(before: string | null, now: string | null): boolean {
  const [one, other] = [before, now].map((state) => /^file .* (\d+)\.(\d{9})$/.exec(state ?? ""));
  const inNanoseconds = ([, seconds, rest]: readonly string[]): bigint =>
    BigInt(`${seconds}${rest}`);
  return !!one && !!other && inNanoseconds(other) < inNanoseconds(one);
}
