// Tries a decoder with changed inputs, and keeps those that led to a branch that no other input has reached.
import type { Target } from "../../../__test__/hostile/target.ts";
import { mutated } from "../../../__test__/hostile/mutate.ts";
import type { Random } from "../../../__test__/hostile/random.ts";

/** Counts of a branch that are told apart: 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127, and more. */
const BUCKETS = 8;

const BUCKET_OF = Uint8Array.from({ length: 256 }, (_, count) => {
  if (count <= 3) return count - 1;
  return [8, 16, 32, 128].filter((bound) => count >= bound).length + 3;
});

/** Set-up of a campaign. */
export interface CampaignOptions {
  target: Target;
  /** The counters of the branches. */
  counters: Uint8Array;
  random: Random;
  /** Inputs to begin with, in addition to the seeds. */
  kept: readonly Uint8Array[];
  /** Called before each run. */
  onInput: (input: Uint8Array) => void;
}

/** An input, and the features that it has: each a branch with a bucket. */
interface Found {
  input: Uint8Array;
  features: readonly number[];
}

/** A campaign for one decoder. */
export class Campaign {
  /** Number of runs so far. */
  runs = 0;
  readonly #options: CampaignOptions;
  readonly #corpus: Found[] = [];
  readonly #seen: Uint8Array;

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.#seen = new Uint8Array(options.counters.length * BUCKETS);
  }

  /** Branches that some input has reached, and all features. */
  get coverage(): { branches: number; features: number } {
    const branches = new Set<number>();
    let features = 0;
    for (const [feature, seen] of this.#seen.entries()) {
      if (seen === 0) continue;
      branches.add(Math.floor(feature / BUCKETS));
      features += 1;
    }
    return { branches: branches.size, features };
  }

  /** Runs all inputs that are known. */
  async begin(): Promise<void> {
    const { target, kept } = this.#options;
    for (const input of [...target.seeds(), ...kept]) await this.#try(input);
    if (this.#corpus.length === 0) await this.#try(new Uint8Array(0));
  }

  /** Runs changed inputs until the time is over. */
  async go(until: number): Promise<void> {
    const { random, target } = this.#options;
    const words = (target.words ?? []).map((word) => Buffer.from(word, "latin1"));
    while (Date.now() < until)
      for (let left = 100; left > 0; left -= 1) {
        const others = [random.of(this.#corpus).input];
        // Often one of the newest: what is new leads on.
        const from = random.once(3) ? this.#corpus.slice(-20) : this.#corpus;
        await this.#try(mutated(random.of(from).input, random, { words, others }));
      }
  }

  /** Returns the smallest inputs that have all features together, each shortened while there is time. */
  async minimised(until: number): Promise<Uint8Array[]> {
    const left = new Set<number>();
    for (const { features } of this.#corpus) for (const feature of features) left.add(feature);
    const chosen: Uint8Array[] = [];
    const byLength = this.#corpus.toSorted((a, b) => a.input.length - b.input.length);
    for (const { input, features } of byLength) {
      const own = features.filter((feature) => left.has(feature));
      if (own.length === 0) continue;
      for (const feature of own) left.delete(feature);
      chosen.push(await this.#shortened(input, own, until));
    }
    return chosen;
  }

  /** Removes parts of an input as long as it has `features`. */
  async #shortened(
    whole: Uint8Array,
    features: readonly number[],
    until: number,
  ): Promise<Uint8Array> {
    let input = whole;
    for (let part = Math.floor(input.length / 2); part >= 1; part = Math.floor(part / 2))
      for (let at = 0; at + part <= input.length && Date.now() < until;) {
        const less = Buffer.concat([input.subarray(0, at), input.subarray(at + part)]);
        const has = new Set(await this.#run(less));
        if (features.every((feature) => has.has(feature))) input = less;
        else at += part;
      }
    return input;
  }

  async #try(input: Uint8Array): Promise<void> {
    const features = await this.#run(input);
    let isNew = false;
    for (const feature of features) {
      isNew ||= this.#seen[feature] === 0;
      this.#seen[feature] = 1;
    }
    if (isNew) this.#corpus.push({ input: Uint8Array.from(input), features });
  }

  /** Runs the check, and returns the features of the input. */
  async #run(input: Uint8Array): Promise<number[]> {
    const { counters, target, onInput } = this.#options;
    counters.fill(0);
    onInput(input);
    this.runs += 1;
    // An await takes longer than some checks.
    const running = target.check(Uint8Array.from(input));
    if (running !== undefined) await running;
    const features: number[] = [];
    for (let branch = 0; branch < counters.length; branch += 1) {
      const count = counters[branch] ?? 0;
      if (count > 0) features.push(branch * BUCKETS + (BUCKET_OF[count] ?? 0));
    }
    return features;
  }
}
