import { type Endpoint, hostLabel } from "./connection/endpoint.ts";

/** The most different warnings that are shown per host. */
const MOST_WARNINGS = 100;

/** Passes on the warnings of other hosts: each one once, and a limited number per host. */
export class HostWarnings {
  readonly #warn: (message: string) => void;
  readonly #shown = new Map<string, Set<string>>();

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** Takes a warning from a host. */
  add(end: Endpoint, message: string): void {
    const where = hostLabel(end);
    const shown = this.#shown.get(where) ?? new Set();
    this.#shown.set(where, shown);
    if (shown.has(message) || shown.size > MOST_WARNINGS) {
      return;
    }
    shown.add(message);
    if (shown.size > MOST_WARNINGS) {
      this.#warn(`further warnings from ${where} are not shown`);
    } else {
      this.#warn(end.kind === "local" ? message : `${where}: ${message}`);
    }
  }
}
