import { createHash } from "node:crypto";

/** Numbers that follow from a seed and a purpose alone, so that a failure can be repeated. */
export class Random {
  #count = 0;

  constructor(
    private readonly seed: number,
    private readonly purpose: string,
  ) {}

  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number {
    this.#count += 1;
    const digest = createHash("sha256").update(`${this.seed}/${this.purpose}/${this.#count}`);
    return digest.digest().readUIntBE(0, 6) % end;
  }
}
