import { clock } from "../../native/clock.ts";

/** Length of a piece in milliseconds. Short pieces give the reader a steady stream. */
const PIECE_TIME = 10;

/** The part of a pause that may be made up for, in milliseconds: together with the next piece, a tenth of a second. */
const CREDIT_TIME = 90;

/** A source of time in milliseconds. Only differences count. */
export interface Clock {
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

const CLOCK: Clock = {
  now: clock,
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

/** Limits the rate of a stream: a token bucket. */
export class Pace {
  /** The most bytes that may be written at once. */
  readonly piece: number;
  readonly #rate: number;
  readonly #clock: Clock;
  /** Time at which the next piece may be written. */
  #due = -Infinity;

  /** @param rate bytes per second, more than 0 */
  constructor(rate: number, time: Clock = CLOCK) {
    this.#rate = rate;
    this.#clock = time;
    this.piece = Math.max(1, Math.floor((rate * PIECE_TIME) / 1000));
  }

  /** Waits until the next piece may be written. There is no wait after the last one. */
  async ready(): Promise<void> {
    // A timer may fire early, by a fraction of a millisecond.
    for (let left = this.#left(); left > 0; left = this.#left()) {
      await this.#clock.sleep(left);
    }
  }

  /** Counts bytes that were written, at most a piece. */
  wrote(bytes: number): void {
    const since = Math.max(this.#due, this.#clock.now() - CREDIT_TIME);
    this.#due = since + (bytes / this.#rate) * 1000;
  }

  #left(): number {
    return this.#due - this.#clock.now();
  }
}

/** Passes chunks on in pieces at a pace; without one, unchanged. */
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
      pace?.wrote(piece.length);
    }
  }
}
