import { type Counted, type Progress, silent } from "./progress.ts";

/** What a stage tells the program that started it, as a line of JSON on standard error. */
export type StageEvent =
  /** It runs. */
  | { event: "hello" }
  /** It has opened its file, and knows how many bytes there are to work on, or that nobody knows. */
  | { event: "begin"; total: number | null }
  /** So many bytes are done, and so much else has been counted. */
  | { event: "progress"; done: number; counts: Record<string, number> }
  /** It does something else to so many bytes, of which so many are done; null when that is done. */
  | { event: "aside"; aside: { what: string; total: number; done: number } | null }
  /** Something that a person should know. */
  | { event: "warning"; message: string }
  /** It has failed. `consequence` when that is because another stage went away. */
  | { event: "error"; message: string; advice: string; code: number; consequence: boolean }
  /** It has succeeded. */
  | { event: "end"; outcome: string | null };

const INTERVAL_MILLISECONDS = 250;

/** So often something is sent in any case: only then does the far end of a connection notice that this end is gone. */
const SIGN_OF_LIFE_MILLISECONDS = 10_000;

/** Progress as events. */
export class EventLines implements Progress {
  readonly #print: (line: string) => void;
  readonly #counts: Record<string, number> = {};
  #done = 0;
  #printedAt = -Infinity;

  constructor(print: (line: string) => void) {
    this.#print = print;
    setInterval(() => this.#progress(), SIGN_OF_LIFE_MILLISECONDS).unref();
  }

  begin(total: number | undefined): void {
    this.#send({ event: "begin", total: total ?? null });
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

  finish(succeeded: boolean, outcome?: string): void {
    this.#progress();
    if (succeeded) {
      this.#send({ event: "end", outcome: outcome ?? null });
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
    this.#send({ event: "progress", done: this.#done, counts: this.#counts });
  }

  #send(event: StageEvent): void {
    this.#print(eventLine(event));
  }
}

/** An event as a line, without its end. */
export function eventLine(event: StageEvent): string {
  return JSON.stringify(event);
}

/** The event that a line is; undefined for any other line, as ssh and shells print. */
export function parseEvent(line: string): StageEvent | undefined {
  if (!line.startsWith('{"event":"')) {
    return undefined;
  }
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isEvent(value as Fields) ? (value as StageEvent) : undefined;
}

/** What an event may have, as it comes from another host. */
type Fields = Readonly<Record<string, unknown>>;

function isEvent({ event, total, done, counts, message, advice, code, outcome }: Fields): boolean {
  switch (event) {
    case "hello":
      return true;
    case "begin":
      return total === null || isCount(total);
    case "progress":
      return isCount(done) && isCounts(counts);
    case "warning":
      return typeof message === "string";
    case "error":
      return (
        typeof message === "string" &&
        typeof advice === "string" &&
        isCount(code) &&
        code > 0 &&
        code < 256
      );
    case "end":
      return outcome === null || typeof outcome === "string";
    default:
      return false;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isCounts(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.values(value).every(isCount);
}
