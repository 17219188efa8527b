// Random choices that depend only on the seed and on what they are for, so that one moment can be repeated without those before it.
import { createHash } from "node:crypto";

/** The words that a choice depends on. */
export type Label = readonly (string | number)[];

/** A number from 0 up to, but not including, 1. */
export function chance(...label: Label): number {
  const digest = createHash("sha256").update(label.join("/")).digest();
  return digest.readUIntBE(0, 6) / 2 ** 48;
}

/** One of `list`. */
export function pick<T>(list: readonly T[], ...label: Label): T {
  const found = list[Math.floor(chance(...label) * list.length)];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
}

/** `list` in another order. */
export function shuffled<T>(list: readonly T[], ...label: Label): T[] {
  return list
    .map((item, place) => ({ item, key: chance(...label, place) }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
