import { clock } from "../native/clock.ts";
import { VERSION } from "../native/installation.ts";
import type { ChangeMap } from "./change-map.ts";
import { JsonLine } from "./json-line.ts";

import type { StageEvent } from "./programs/event-schema.ts";
import type { Proof, Range, TimeSpent } from "./programs/event-values.ts";
import {
  type Counted,
  type Progress,
  silent,
  type StageEnding,
  type StreamShare,
} from "./progress.ts";

/** The version of the events, which docs/events.md describes. A reader that does not know it must not read on. */
export const EVENTS_VERSION = 1;

const INTERVAL_MILLISECONDS = 250;

/**
 * Milliseconds after which an event is sent even without progress: a stage that waits must give a sign of life, see `--timeout`, and a
 * stage on another host only learns from a failed write that the connection has ended.
 */
const SIGN_OF_LIFE_MILLISECONDS = 1000;

/** Writes the progress of a stage as events. */
export class EventLines implements Progress {
  readonly #print: (line: JsonLine) => void;
  readonly #spent: (() => TimeSpent) | undefined;
  readonly #counts: Record<string, number> = {};
  #done = 0;
  #proof: Proof | undefined;
  #printedAt = -Infinity;
  readonly #timer: NodeJS.Timeout;

  /**
   * @param print called with each line, without its line feed
   * @param spent undefined if what the process spends does not tell what the stage waits for
   */
  constructor(print: (line: JsonLine) => void, spent?: () => TimeSpent) {
    this.#print = print;
    this.#spent = spent;
    this.#timer = setInterval(() => this.#progress(), SIGN_OF_LIFE_MILLISECONDS);
    this.#timer.unref();
  }

  begin(total: number | undefined, instance?: string | null, share?: StreamShare): void {
    this.#send({ event: "begin", total: total ?? null, instance: instance ?? null, ...share });
  }

  advance(bytes: number): void {
    this.#done += bytes;
    if (this.#isTime()) {
      this.#progress();
    }
  }

  count(what: Counted, number: number): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + number;
  }

  mapped({ length, bucket, changed }: ChangeMap): void {
    this.#send({ event: "map", length, bucket, changed });
  }

  differed(ranges: readonly Range[]): void {
    this.#send({ event: "differ", ranges: [...ranges] });
  }

  proved(proof: Proof): void {
    this.#proof = proof;
  }

  aside(what: string, total: number): Progress {
    let done = 0;
    const tell = (): void => this.#send({ event: "aside", aside: { what, total, done } });
    tell();
    return {
      ...silent,
      advance: (bytes) => {
        done += bytes;
        if (this.#isTime()) {
          tell();
        }
      },
      finish: () => this.#send({ event: "aside", aside: null }),
    };
  }

  /** Writes an event with the current progress. */
  tell(): void {
    this.#progress();
  }

  finish({ succeeded, outcome }: StageEnding): void {
    clearInterval(this.#timer);
    this.#progress();
    if (succeeded) {
      const proof = this.#proof;
      this.#send({ event: "end", outcome: outcome ?? null, ...(proof !== undefined && { proof }) });
    }
  }

  /** True if the last frequent event was long enough ago. */
  #isTime(): boolean {
    const now = clock();
    if (now - this.#printedAt < INTERVAL_MILLISECONDS) {
      return false;
    }
    this.#printedAt = now;
    return true;
  }

  #progress(): void {
    this.#printedAt = clock();
    this.#send({
      event: "progress",
      done: this.#done,
      counts: this.#counts,
      ...(this.#spent && { spent: this.#spent() }),
    });
  }

  #send(event: StageEvent): void {
    this.#print(eventLine(event));
  }
}

/** Returns the first event as a line. */
export function helloLine(): JsonLine {
  return eventLine({ event: "hello", blockcopy: VERSION, events: EVENTS_VERSION });
}

/** Returns an event as a line. */
export function eventLine(event: StageEvent): JsonLine {
  return new JsonLine(event);
}
