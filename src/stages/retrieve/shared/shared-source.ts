import type { StageContext } from "../../../blocks/context.ts";
import type { Hashing } from "../../../protocol/digest.ts";
import { discard, type KeepWarning } from "../../../snapshots/snapshot.ts";
import { silent } from "../../../ui/progress.ts";
import { openSource } from "../open-source.ts";
import type { OpenSource, RetrieveOptions } from "../retrieve-options.ts";
import { Beginning } from "./beginning.ts";
import { SharedReads } from "./shared-reads.ts";
import { type Seat, Window } from "./window.ts";

/** Batches of all destinations that may use the window at a time: each uses a chunk of it. */
const BATCHES = 16;

/** The most batches of one destination that may use the window at a time. */
const MOST_BATCHES = 4;

/** The most destinations of one source. */
export const MOST_DESTINATIONS = BATCHES;

/** A source that is open for several destinations. */
export class SharedSource {
  readonly opened: OpenSource;
  readonly #context: StageContext;
  readonly #window: Window;
  readonly #beginning = new Beginning();
  readonly #most: number;

  private constructor(
    context: StageContext,
    opened: OpenSource,
    { destinations, hashing }: { destinations: number; hashing: Hashing },
  ) {
    this.#context = context;
    this.opened = opened;
    this.#window = new Window(context, opened.source, hashing);
    this.#most = Math.max(1, Math.min(MOST_BATCHES, Math.floor(BATCHES / destinations)));
  }

  /**
   * Opens a source, or a snapshot of it.
   *
   * @throws UsageError, SnapshotError, the engine's failures
   */
  static async open(
    context: StageContext,
    options: RetrieveOptions,
    { keep, ...copies }: { destinations: number; hashing: Hashing; keep: KeepWarning },
  ): Promise<SharedSource> {
    const opened = await openSource({ ...context, progress: silent }, options, keep);
    return new SharedSource(context, opened, copies);
  }

  /** Bytes of the source that were read, those that were read again for a destination that lags included. */
  get bytesRead(): number {
    return this.#window.bytesRead;
  }

  /** Keeps the beginning of the source in memory for a destination, as long as there is room. */
  join(): Seat {
    const seat = this.#window.join();
    this.#beginning.expect(seat);
    return seat;
  }

  /** Ends what is kept for a destination. */
  leave(seat: Seat): void {
    this.#beginning.release(seat);
    this.#window.leave(seat);
  }

  /** Returns the reads for a destination, which begin at its seat. */
  readsFor(seat: Seat): SharedReads {
    const place = { window: this.#window, seat, beginning: this.#beginning, most: this.#most };
    return new SharedReads(this.#context, this.opened.source, place);
  }

  /** Removes the snapshot, if there is one. After a failure, a snapshot that is left is only a warning. */
  async close({ hasFailed, keep }: { hasFailed: boolean; keep: KeepWarning }): Promise<void> {
    const { snapshot } = this.opened;
    if (hasFailed) {
      await discard(this.#context, snapshot);
      return;
    }
    const left = await snapshot?.remove();
    if (left !== undefined) {
      keep(left);
    }
  }
}
