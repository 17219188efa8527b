import type { Package } from "./make-package.ts";
import type { SingleFile } from "./single-file.ts";

/** This program in the two forms that it can be sent in. */
export interface Sendable {
  /** For hosts with a Node. Undefined if it may not or cannot be sent. */
  package: Package | undefined;
  /** For hosts without one: those that may be sent, and are on this host. */
  singles: readonly SingleFile[];
}

/** The sending of this program for all copies of a run, which may go to the same host. */
export class Sending {
  #sendable: Promise<Sendable> | undefined;
  readonly #deliveries = new Map<string, Promise<void>>();

  /** Returns this program as it can be sent. Only the first call reads it. */
  sendable(read: () => Promise<Sendable>): Promise<Sendable> {
    return (this.#sendable ??= read());
  }

  /**
   * Sends it to a host. All calls for that host get the result of the first one.
   *
   * @param host the words of the command that connects to it
   */
  deliver(host: string, send: () => Promise<void>): Promise<void> {
    const begun = this.#deliveries.get(host);
    const delivery = begun ?? send();
    this.#deliveries.set(host, delivery);
    return delivery;
  }
}
