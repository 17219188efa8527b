/** Milliseconds' worth of bytes that go out at once, so that what is behind sees a steady stream. */
const PIECE_TIME = 10;

/** Milliseconds' worth of bytes that are made up for after a pause: with the next piece, a tenth of a second's. */
const CREDIT_TIME = 90;

/** What a pace goes by; times are in milliseconds, and only their differences count. */
export interface Clock {
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

const CLOCK: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

/** Lets no more than so many bytes a second out: a token bucket. */
export class Pace {
  /** Bytes that may be written together. */
  readonly piece: number;
  readonly #rate: number;
  readonly #clock: Clock;
  /** When what has been written so far is paid for. */
  #due = -Infinity;

  /** `rate` is in bytes a second, more than 0. */
  constructor(rate: number, clock: Clock = CLOCK) {
    this.#rate = rate;
    this.#clock = clock;
    this.piece = Math.max(1, Math.floor((rate * PIECE_TIME) / 1000));
  }

  /** Waits until the next piece may be written. Nobody waits behind the last one. */
  async ready(): Promise<void> {
    // A timer may fire early, by a fraction of a millisecond.
    for (let left = this.#left(); left > 0; left = this.#left()) {
      await this.#clock.sleep(left);
    }
  }

  /** Takes note of bytes that were written, at most a piece. */
  spent(bytes: number): void {
    const since = Math.max(this.#due, this.#clock.now() - CREDIT_TIME);
    this.#due = since + (bytes / this.#rate) * 1000;
  }

  #left(): number {
    return this.#due - this.#clock.now();
  }
}

/** Passes chunks on at a pace, in pieces; without one, as they are. */
export async function* paced(
  chunks: Iterable<Uint8Array>,
  pace: Pace | undefined,
): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    const length = pace?.piece ?? chunk.length;
    for (let at = 0; at < chunk.length; at += length) {
      await pace?.ready();
      const piece = chunk.subarray(at, at + length);
      yield piece;
      pace?.spent(piece.length);
    }
  }
}
