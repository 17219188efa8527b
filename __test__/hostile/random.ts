// Random numbers that a seed decides.

/** Generates numbers by xorshift128 (Marsaglia, Xorshift RNGs, 2003). */
export class Random {
  readonly #state = new Uint32Array(4);

  /** @param seed any number from 0 to 2^32-1 */
  constructor(seed: number) {
    // Any state but all zeros will do; the first numbers still resemble the seed.
    this.#state.set([seed, 0x9e3779b9, seed ^ 0x85ebca6b, 0xc2b2ae35]);
    for (let i = 0; i < 32; i += 1) this.below(2);
  }

  /** Returns a whole number from 0 to `bound - 1`; 0 if `bound` is 0. */
  below(bound: number): number {
    const [x = 0, y = 0, z = 0, w = 0] = this.#state;
    const t = x ^ (x << 11);
    this.#state.set([y, z, w, w ^ (w >>> 19) ^ t ^ (t >>> 8)]);
    return bound === 0 ? 0 : (this.#state[3] ?? 0) % bound;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  /** Returns an element. */
  of<T>(list: ArrayLike<T>): T {
    return list[this.below(list.length)] as T;
  }
}
