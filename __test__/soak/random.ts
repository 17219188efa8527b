// Random choices that depend on a seed alone, so that a round can be repeated.
import { createHash } from "node:crypto";
import { mulberry32 } from "../support/mulberry32.ts";

/** A sequence of choices. */
export class Random {
  /** A number from 0 up to 1, without 1. */
  readonly next: () => number;

  constructor(readonly seed: string) {
    this.next = mulberry32(createHash("sha256").update(seed).digest().readUInt32LE());
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** True in this part of all cases. */
  chance(part: number): boolean {
    return this.next() < part;
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new Error("nothing to pick from");
    return from[this.between(0, from.length - 1)] as T;
  }

  /** `size` bytes that look random. */
  bytes(size: number): Buffer {
    if (size === 0) return Buffer.alloc(0);
    const seed = String(this.next());
    return createHash("shake256", { outputLength: size }).update(seed).digest();
  }
}
