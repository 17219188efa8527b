import type { CopyEvent } from "./types.ts";

/** The most events that wait for a reader. After that the oldest are dropped, so that a reader who never comes costs no memory. */
const MOST_WAITING = 1000;

/** Events on their way to whoever iterates over them. */
export class EventQueue {
  readonly #waiting: CopyEvent[] = [];
  #wake: (() => void)[] = [];
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
    this.#wakeAll();
  }

  /** Ends the queue: its readers get the error, if there is one, after the events. */
  end(error?: Error): void {
    this.#end = { error };
    this.#wakeAll();
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
        await new Promise<void>((resolve) => this.#wake.push(resolve));
      } else {
        return undefined;
      }
    }
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const resolve of waiting) {
      resolve();
    }
  }
}
