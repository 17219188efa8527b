// Random choices that depend on a seed alone, so that a round can be repeated.
import { createHash } from "node:crypto";

/** A sequence of choices. */
export class Random {
  #state: number;

  constructor(readonly seed: string) {
    this.#state = createHash("sha256").update(seed).digest().readUInt32LE();
  }

  /** A number from 0 up to 1, without 1. This is mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
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
