import type { ChangeMap } from "../change-map.ts";
import type { CopyState } from "../copy-state.ts";
import { eventLine, helloLine } from "../event-lines.ts";
import type { StageEvent } from "./event-schema.ts";
import type { JsonLine } from "../json-line.ts";

const INTERVAL_MILLISECONDS = 1000;

/** One of several destinations of a run: its number, from 1, and its name. */
export interface EventsOf {
  id: number;
  destination: string;
}

/** Writes a copy as events, for a program. */
export class CopyEvents {
  readonly #state: CopyState;
  readonly #print: (line: JsonLine) => string | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #of: EventsOf | undefined;
  #begun = false;
  #aside = false;
  /** The name of the system's error that made printing fail. */
  failed: string | undefined;

  /**
   * @param print prints a line and returns the name of the system's error if that fails
   * @param of the destination, if it is one of several; the events of the whole run say hello
   */
  constructor(state: CopyState, print: (line: JsonLine) => string | undefined, of?: EventsOf) {
    this.#state = state;
    this.#print = print;
    this.#of = of;
    if (of === undefined) {
      this.#write(helloLine());
    }
    this.#timer = setInterval(() => this.tell(), INTERVAL_MILLISECONDS);
    this.#timer.unref();
  }

  /** Writes a warning. */
  warn(message: string): void {
    this.#send({ event: "warning", message });
  }

  /** Writes the last events: the change map, if there is one, and the end of the copy. */
  finish(last: StageEvent & { event: "end" | "error" }, map: ChangeMap | undefined): void {
    clearInterval(this.#timer);
    this.tell();
    if (map !== undefined) {
      const { length, bucket, changed } = map;
      this.#send({ event: "map", length, bucket, changed });
    }
    this.#send(last);
  }

  /** Tells how far it is, once it has begun. */
  tell(): void {
    const { begun, work, asideWork, counts, bottleneck } = this.#state;
    if (!begun) {
      return;
    }
    if (!this.#begun) {
      this.#begun = true;
      this.#send({ event: "begin", total: work.total ?? null });
    }
    this.#send({
      event: "progress",
      done: work.done,
      counts,
      rate: Math.round(work.rate),
      limit: bottleneck ?? null,
    });
    if (asideWork !== undefined) {
      const { what = "", total = 0, done } = asideWork;
      this.#aside = true;
      this.#send({ event: "aside", aside: { what, total, done } });
    } else if (this.#aside) {
      this.#aside = false;
      this.#send({ event: "aside", aside: null });
    }
  }

  #send(event: StageEvent): void {
    this.#write(eventLine(this.#of === undefined ? event : { ...event, ...this.#of }));
  }

  #write(line: JsonLine): void {
    this.failed ??= this.#print(line);
  }
}
