import { VERSION } from "../native/installation.ts";
import type { ChangeMap } from "./change-map.ts";
import { JsonLine } from "./json-line.ts";
import type { Bottleneck } from "./bottleneck.ts";
import { type Counted, type Progress, silent } from "./progress.ts";

/** Of the format, which docs/events.md describes: another one is for readers that know it. */
export const EVENTS_VERSION = 1;

/** What a program spends its time with, in milliseconds since it began. */
export interface TimeSpent {
  /** All of it. */
  elapsed: number;
  /** On the CPU, or waiting for one that others have, all threads together. */
  cpu: number;
  /** So many threads it has work for. */
  threads: number;
  /** Waiting for its standard input to have more. */
  input: number;
  /** Waiting for its standard output to take more. */
  output: number;
}

/**
 * What happens, as a line of JSON: on standard error of a stage, for `sync` that has started it, and on standard output of `sync`,
 * for the program that has started that.
 */
export type StageEvent =
  /** It runs: its version, and the number of the format of its events. */
  | { event: "hello"; blockcopy: string; events: number }
  /**
   * It has opened its file, and knows how many bytes there are to work on, or that nobody knows; and which file or device of its host it is:
   * no other has the same, on any host.
   */
  | { event: "begin"; total: number | null; instance?: string | null }
  /** So many bytes are done, and so much else has been counted. A stage says what it spends; `sync` the rate, and what it waits for. */
  | {
      event: "progress";
      done: number;
      counts: Record<string, number>;
      spent?: TimeSpent;
      rate?: number;
      limit?: Bottleneck | null;
    }
  /** It does something else to so many bytes, of which so many are done; null when that is done. */
  | { event: "aside"; aside: { what: string; total: number; done: number } | null }
  /** Something that a person should know. */
  | { event: "warning"; message: string }
  /**
   * It has failed. A stage says whether that is a `consequence`: because another stage went away; how many bytes were written and `synced` before it ended early; or because what it has read is `foreign`: from
   * no stage at all.
   */
  | {
      event: "error";
      message: string;
      advice: string;
      code: number;
      consequence?: boolean;
      synced?: number;
      foreign?: boolean;
    }
  /** Where the bytes are that differ: how many in each of the buckets, of so many bytes, that `length` bytes are divided into. */
  | { event: "map"; length: number; bucket: number; changed: readonly number[] }
  /** It has succeeded. `outcome` is in words; `sync` has all of it in numbers too; a destination says what `proof` there is. */
  | { event: "end"; outcome: string | null; summary?: object | null; proof?: Proof }
  /** Something that only a newer version tells, and that need not be known. */
  | { event: "unknown" };

/** The proof that a destination gives when it is done. */
export interface Proof {
  /** The check that it has passed by reading back. */
  verified: "none" | "written" | "full";
  /** Bytes of the blocks that it has written. */
  changed: number;
}

const INTERVAL_MILLISECONDS = 250;

/**
 * So often something is sent in any case: only then does the far end of a connection notice that this end is gone. A stage that waits
 * has to be heard too, for what it waits for.
 */
const SIGN_OF_LIFE_MILLISECONDS = 1000;

/** Progress of a stage as events. */
export class EventLines implements Progress {
  readonly #print: (line: JsonLine) => void;
  readonly #spent: () => TimeSpent;
  readonly #counts: Record<string, number> = {};
  #done = 0;
  #proof: Proof | undefined;
  #printedAt = -Infinity;

  /** `print` is given the lines, without their ends. */
  constructor(print: (line: JsonLine) => void, spent: () => TimeSpent) {
    this.#print = print;
    this.#spent = spent;
    setInterval(() => this.#progress(), SIGN_OF_LIFE_MILLISECONDS).unref();
  }

  begin(total: number | undefined, instance?: string | null): void {
    this.#send({ event: "begin", total: total ?? null, instance: instance ?? null });
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

  /** Tells how far it is, now. */
  tell(): void {
    this.#progress();
  }

  finish(succeeded: boolean, outcome?: string): void {
    this.#progress();
    if (succeeded) {
      const proof = this.#proof;
      this.#send({ event: "end", outcome: outcome ?? null, ...(proof !== undefined && { proof }) });
    }
  }

  /** Whether the last of what comes often was long enough ago. */
  #isTime(): boolean {
    const now = performance.now();
    if (now - this.#printedAt < INTERVAL_MILLISECONDS) {
      return false;
    }
    this.#printedAt = now;
    return true;
  }

  #progress(): void {
    this.#printedAt = performance.now();
    this.#send({
      event: "progress",
      done: this.#done,
      counts: this.#counts,
      spent: this.#spent(),
    });
  }

  #send(event: StageEvent): void {
    this.#print(eventLine(event));
  }
}

/** What a stage says first, as a line. */
export function helloLine(): JsonLine {
  return eventLine({ event: "hello", blockcopy: VERSION, events: EVENTS_VERSION });
}

/** An event as a line. */
export function eventLine(event: StageEvent): JsonLine {
  return new JsonLine(event);
}
