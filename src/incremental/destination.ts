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
