import { ExitCode } from "../errors/exit-codes.ts";
import type { StageContext } from "../blocks/context.ts";
import type { CopyState } from "../ui/copy-state.ts";
import type { StageEvent } from "../ui/event-lines.ts";
import type { Limit } from "../ui/limit.ts";
import { COUNTED, type Progress } from "../ui/progress.ts";
import { hostOf, nameOf } from "./connection/endpoint.ts";
import { SyncError } from "./failure.ts";
import { whereIs } from "./connection/remote-command.ts";
import { limiting } from "./limiting.ts";
import { sameError } from "./same.ts";
import type { Side } from "./side.ts";
import { foreign } from "./versions.ts";

/** Different warnings that are shown from each host, at most. */
const MOST_WARNINGS = 100;

/** What a copy shows while it runs. */
export type Shown = Pick<StageContext, "native" | "cancellation" | "warn" | "tell" | "debug"> & {
  progress: CopyState;
};

/** The two sides of a stream; one and the same where only that tells anything. */
interface Pair {
  from: Side;
  to: Side;
}

/** Makes of what all sides tell what people see. */
export class Listener {
  readonly #shown: Shown;
  readonly #streams: readonly Pair[];
  readonly #linked: boolean;
  readonly #limited: boolean;
  /** The warnings from each host. */
  readonly #warned = new Map<string, Set<string>>();
  readonly #refusal = new AbortController();
  /** All that are listened to. */
  readonly #sides: Side[] = [];
  #aside: { shown: Progress; done: number } | undefined;

  /** `linked` when a connection is between the two, `limited` when they are not to use all of it. */
  constructor(
    shown: Shown,
    streams: readonly Pair[],
    { linked, limited }: { linked: boolean; limited: boolean },
  ) {
    this.#shown = shown;
    this.#linked = linked;
    this.#limited = limited;
    this.#streams = streams;
  }

  /** Aborted, with the error that says why, when the two sides are not to be copied after all. */
  get refused(): AbortSignal {
    return this.#refusal.signal;
  }

  /** Ends the copy: the first reason counts. */
  giveUp(error: Error): void {
    this.#refusal.abort(error);
  }

  /** What takes the lines of a side. */
  of(side: Side): (line: string) => void {
    this.#sides.push(side);
    this.#showConnections();
    return (line) => {
      if (this.refused.aborted) {
        return;
      }
      const { done, counts } = side;
      const event = side.take(line);
      if (event === undefined || event.event === "unknown") {
        this.#shown.debug(`${whereIs(side.end)}: ${line}`);
        return;
      }
      this.#take(side, event);
      if (event.event === "progress" && this.#streams.some(({ from }) => from === side)) {
        this.#advance(side, done, counts);
      }
    };
  }

  #take(side: Side, event: StageEvent): void {
    const { end } = side;
    switch (event.event) {
      case "warning":
        this.#warn(end, event.message);
        break;
      case "aside":
        this.#showAside(event.aside);
        break;
      case "begin":
        this.#begin();
        this.#refuseSame();
        this.#showConnections();
        break;
      case "hello":
        this.#refuseForeign(side);
        this.#showConnections();
        break;
      case "progress":
        this.#showLimit();
        break;
      case "map":
      case "error":
      case "end":
      case "unknown":
        break;
    }
  }

  /** Passes on a warning once, and from each host only the first of them. */
  #warn(end: Side["end"], message: string): void {
    const where = whereIs(end);
    const warned = this.#warned.get(where) ?? new Set();
    this.#warned.set(where, warned);
    if (warned.has(message) || warned.size > MOST_WARNINGS) {
      return;
    }
    warned.add(message);
    if (warned.size > MOST_WARNINGS) {
      this.#shown.warn(`further warnings from ${where} are not shown`);
    } else {
      this.#shown.warn(end.kind === "local" ? message : `${where}: ${message}`);
    }
  }

  /** Tells if a login may be asking a person for a password, and which host has not opened its file yet; of several streams, that of the first. */
  #showConnections(): void {
    const { progress } = this.#shown;
    progress.connecting = this.#linked && this.#sides.some(({ hello }) => hello === undefined);
    const [first] = this.#streams;
    // Where only one side tells anything, nobody knows it of the other.
    const both = first === undefined || first.from === first.to ? [] : [first.to, first.from];
    const late = both.find(({ end, hasBegun }) => end.kind === "remote" && !hasBegun);
    progress.awaited = late && whereIs(late.end);
  }

  /** A stage of another version, whose events mean something else. */
  #refuseForeign(side: Side): void {
    const other = foreign(side);
    if (other !== undefined) {
      this.#refusal.abort(new SyncError(other.message, other.advice, ExitCode.unavailable));
    }
  }

  /** A copy of something onto itself, by whatever names. */
  #refuseSame(): void {
    const same = this.#streams.find(
      ({ from, to }) => from !== to && from.instance !== null && from.instance === to.instance,
    );
    if (same !== undefined) {
      this.#refusal.abort(sameError(nameOf(same.from.end), nameOf(same.to.end)));
    }
  }

  /** How much there is to do is known when all know their part of it: the source, or, where only a part of it was asked for, the destination. */
  #begin(): void {
    const known = this.#streams.every(
      ({ from, to }) => from.total !== undefined || (from.hasBegun && to.hasBegun),
    );
    if (known) {
      const each = this.#streams.map(({ from, to }) => from.total ?? to.total);
      this.#shown.progress.begin(
        each.reduce((sum, one) => (sum === undefined || one === undefined ? undefined : sum + one)),
      );
    }
  }

  /** What holds the copy up; of several streams, the first. */
  #showLimit(): void {
    const [first] = this.#streams;
    if (first === undefined || first.from === first.to) {
      return;
    }
    const [source, destination] = [first.from.spent.lately, first.to.spent.lately];
    const slowest = source && destination && limiting(source, destination, this.#linked);
    this.#shown.progress.limit = slowest && {
      ...slowest,
      what: slowest.what === "link" && this.#limited ? "bwlimit" : slowest.what,
      host: hostAt(first, slowest.side),
    };
  }

  /** What the source has done since it had done so much. */
  #advance(from: Side, done: number, counts: Readonly<Record<string, number>>): void {
    const { progress } = this.#shown;
    for (const what of COUNTED) {
      progress.count(what, (from.counts[what] ?? 0) - (counts[what] ?? 0));
    }
    const bytes = from.done - done;
    if (bytes > 0) {
      progress.advance(bytes);
    }
  }

  #showAside(now: (StageEvent & { event: "aside" })["aside"]): void {
    if (now === null) {
      this.#aside?.shown.finish(true);
      this.#aside = undefined;
      return;
    }
    this.#aside ??= { shown: this.#shown.progress.aside(now.what, now.total), done: 0 };
    this.#aside.shown.advance(now.done - this.#aside.done);
    this.#aside.done = now.done;
  }
}

/** The name of the host of a side, where that is another one. */
function hostAt(pair: Pair, side: Limit["side"]): string | null {
  const { end } = side === "source" ? pair.from : pair.to;
  return side !== null && end.kind === "remote" ? hostOf(end) : null;
}
