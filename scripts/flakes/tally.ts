// Counts how often each test has failed.

/** A test that has failed. */
export interface Failure {
  name: string;
  file: string;
  /** The error, with its stack. */
  why: string;
}

/** The tests of one run. */
export interface Total {
  passed: number;
  failed: number;
  skipped: number;
}

/** The failures of all runs. */
export class Tally {
  readonly #times = new Map<string, number>();

  add({ name, file }: Failure): void {
    const key = `${file}: ${name}`;
    this.#times.set(key, (this.#times.get(key) ?? 0) + 1);
  }

  get isEmpty(): boolean {
    return this.#times.size === 0;
  }

  /** A line for each test that has failed, the most frequent first. */
  lines(): string[] {
    return [...this.#times]
      .toSorted(([, a], [, b]) => b - a)
      .map(([test, times]) => `${String(times).padStart(4)} × ${test}`);
  }
}
