import type { Bottleneck } from "../ui/bottleneck.ts";
import type { CopyState } from "../ui/copy-state.ts";
import type { StageEvent } from "../ui/programs/event-schema.ts";
import { COUNTED, type Counts, NO_COUNTS, type Progress } from "../ui/progress.ts";
import { findBottleneck } from "./find-bottleneck.ts";
import { hostLabel, hostOf } from "./connection/endpoint.ts";
import type { Side } from "./side.ts";

/** The two sides of a stream. If only one stage reports progress, it is both. */
export interface SidePair {
  from: Side;
  to: Side;
}

/** Facts about the connection of a copy. */
export interface LinkOptions {
  /** True if the sides are on different hosts. */
  linked: boolean;
  /** True if the rate is limited by `--bwlimit`. */
  limited: boolean;
}

/** Keeps the state of a copy, which is shown to people and programs, up to date with the events of all sides. */
export class CopyView {
  readonly #state: CopyState;
  readonly #streams: readonly SidePair[];
  readonly #link: LinkOptions;
  #aside: { progress: Progress; done: number } | undefined;

  constructor(state: CopyState, streams: readonly SidePair[], link: LinkOptions) {
    this.#state = state;
    this.#streams = streams;
    this.#link = link;
  }

  /** Shows if a login may be asking for a password, and which host has not opened its file yet. With several streams, the first one counts. */
  showConnections(sides: readonly Side[]): void {
    this.#state.connecting = this.#link.linked && sides.some(({ hello }) => hello === undefined);
    const [first] = this.#streams;
    // If only one stage reports, nothing is known about the other. A destination may be waiting for its source.
    const both = first === undefined || first.from === first.to ? [] : [first.from, first.to];
    const late = both.find(({ end, hasBegun }) => end.kind === "remote" && !hasBegun);
    this.#state.awaited = late && hostLabel(late.end);
  }

  /** Shows the amount of work once all streams know theirs: from the source, or from the destination if it copies a range only. */
  showTotal(): void {
    const known = this.#streams.every(
      ({ from, to }) => from.total !== undefined || (from.hasBegun && to.hasBegun),
    );
    if (known) {
      // A destination that all streams share counts once.
      const isFirst = (to: Side, place: number): boolean =>
        this.#streams.findIndex((stream) => stream.to === to) === place;
      const totals = this.#streams.map(
        ({ from, to }, place) => from.total ?? (isFirst(to, place) ? to.total : 0),
      );
      this.#state.begin(
        totals.reduce((sum, total) =>
          sum === undefined || total === undefined ? undefined : sum + total,
        ),
      );
    }
  }

  /** Shows the bottleneck. With several streams, the first one counts. */
  showBottleneck(): void {
    const [first] = this.#streams;
    if (first === undefined || first.from === first.to) {
      return;
    }
    const [source, destination] = [first.from.timeSpent.recent, first.to.timeSpent.recent];
    const found = source && destination && findBottleneck(source, destination, this.#link);
    this.#state.bottleneck = found && {
      ...found,
      what: found.what === "link" && this.#link.limited ? "bwlimit" : found.what,
      host: remoteHostAt(first, found.side),
    };
  }

  /**
   * Adds the progress of a side since it had `done` and `counts`, if it is a source. One that does again what another one has done counts
   * from when it is further: what is shown never becomes less.
   */
  advance(side: Side, { done, counts }: Pick<Side, "done" | "counts">): void {
    if (!this.#streams.some(({ from }) => from === side)) {
      return;
    }
    const shown = shownBefore(side);
    const more = (least: number, now: number, earlier: number): number =>
      Math.max(least, now) - Math.max(least, earlier);
    for (const what of COUNTED) {
      this.#state.count(what, more(shown.counts[what], side.counts[what] ?? 0, counts[what] ?? 0));
    }
    const bytes = more(shown.done, side.done, done);
    if (bytes > 0) {
      this.#state.advance(bytes);
    }
  }

  /** Shows the other work that a stage reports, such as reading back. With several streams, the first one counts: it waits for the others. */
  showAside(side: Side, aside: (StageEvent & { event: "aside" })["aside"]): void {
    const [first] = this.#streams;
    if (side !== first?.to && side !== first?.from) {
      return;
    }
    if (aside === null) {
      this.#aside?.progress.finish({ succeeded: true });
      this.#aside = undefined;
      return;
    }
    this.#aside ??= { progress: this.#state.aside(aside.what, aside.total), done: 0 };
    this.#aside.progress.advance(aside.done - this.#aside.done);
    this.#aside.done = aside.done;
  }
}

/** Returns the most that the sides before one have reported. */
function shownBefore({ before }: Side): { done: number; counts: Counts } {
  const shown = { done: 0, counts: { ...NO_COUNTS } };
  for (let side = before; side !== undefined; side = side.before) {
    shown.done = Math.max(shown.done, side.done);
    for (const what of COUNTED) {
      shown.counts[what] = Math.max(shown.counts[what], side.counts[what] ?? 0);
    }
  }
  return shown;
}

/** Returns the host of a side if it is remote. */
function remoteHostAt(pair: SidePair, side: Bottleneck["side"]): string | null {
  const { end } = side === "source" ? pair.from : pair.to;
  return side !== null && end.kind === "remote" ? hostOf(end) : null;
}
