import { Condition } from "../transport/waiting/condition.ts";
import type { CopyEvent } from "./types.ts";

/** The most events that wait for a reader. After that the oldest are dropped, so that a reader who never comes costs no memory. */
const MOST_WAITING = 1000;

/** Events on their way to whoever iterates over them. */
export class EventQueue {
  readonly #waiting: CopyEvent[] = [];
  readonly #condition = new Condition();
  #end: { error: Error | undefined } | undefined;

  /** Adds an event. A progress that has not been read makes way for the next one. */
  add(event: CopyEvent): void {
    const last = this.#waiting.at(-1);
    if (event.event === "progress" && last?.event === "progress") {
      this.#waiting.pop();
    }
    this.#waiting.push(event);
    if (this.#waiting.length > MOST_WAITING) {
      this.#waiting.shift();
    }
    this.#condition.changed();
  }

  /** Ends the queue: its readers get the error, if there is one, after the events. */
  end(error?: Error): void {
    this.#end = { error };
    this.#condition.changed();
  }

  /** Takes the events out of the queue until it ends. */
  async *read(): AsyncGenerator<CopyEvent, undefined> {
    for (;;) {
      const event = this.#waiting.shift();
      if (event !== undefined) {
        yield event;
      } else if (this.#end?.error !== undefined) {
        throw this.#end.error;
      } else if (this.#end === undefined) {
        await this.#condition.change();
      } else {
        return undefined;
      }
    }
  }
}
