import { ExitCode } from "../errors/exit-codes.ts";
import type { StageContext } from "../blocks/context.ts";
import type { CopyState } from "../ui/copy-state.ts";
import type { StageEvent } from "../ui/programs/event-schema.ts";
import type { Range } from "../ui/programs/event-values.ts";
import { MAX_POSITION } from "../protocol/limits.ts";
import { MAX_EXTENTS } from "../protocol/range-list.ts";
import { hostLabel, nameOf, sameError } from "./connection/endpoint.ts";
import { CopyView, type LinkOptions, type SidePair } from "./copy-view.ts";
import { HostWarnings } from "./host-warnings.ts";
import type { Side } from "./side.ts";
import { SyncError } from "./failures/sync-error.ts";
import { incompatibility } from "./failures/versions.ts";

/** The services that a copy between hosts uses. */
export type SyncContext = Pick<
  StageContext,
  "native" | "cancellation" | "warn" | "alarm" | "tell" | "debug"
> & {
  progress: CopyState;
  /** Takes the words about a snapshot that is left. They are told however the copy ends. */
  keepLeft: (what: string) => void;
};

/** Facts about a copy that its listener needs. */
export interface ListenerOptions extends LinkOptions {
  /** Returns the reason to refuse a side that has opened its file. */
  refuses?: ((side: Side) => Error | undefined) | undefined;
}

/** Takes the lines of all sides: shows what they report, and refuses sides that must not be copied. */
export class Listener {
  readonly #context: SyncContext;
  readonly #streams: readonly SidePair[];
  readonly #view: CopyView;
  readonly #warnings: HostWarnings;
  readonly #refusal = new AbortController();
  readonly #sides: Side[] = [];
  readonly #refuses: ListenerOptions["refuses"];

  constructor(context: SyncContext, streams: readonly SidePair[], link: ListenerOptions) {
    this.#context = context;
    this.#refuses = link.refuses;
    this.#streams = streams;
    this.#view = new CopyView(context.progress, streams, link);
    this.#warnings = new HostWarnings(context.warn);
  }

  /** Aborted, with an error as the reason, when the copy must not go on. */
  get refused(): AbortSignal {
    return this.#refusal.signal;
  }

  /** Ends the copy. The first reason counts. */
  giveUp(error: Error): void {
    this.#refusal.abort(error);
  }

  /** Returns a function that takes the lines of a side. */
  of(side: Side): (line: string) => void {
    this.#sides.push(side);
    this.#view.showConnections(this.#sides);
    return (line) => {
      if (this.refused.aborted) {
        return;
      }
      const before = { done: side.done, counts: side.counts };
      const event = side.take(line);
      if (event === undefined || event.event === "unknown") {
        this.#context.debug(`${hostLabel(side.end)}: ${line}`);
        return;
      }
      this.#take(side, event);
      if (event.event === "progress") {
        this.#view.advance(side, before);
      }
    };
  }

  #take(side: Side, event: StageEvent): void {
    switch (event.event) {
      case "warning":
        // A snapshot that is left is an error of its own at the end.
        if (event.left !== true) {
          this.#warnings.add(side.end, event.message);
        }
        if (event.audit !== undefined) {
          const { progress } = this.#context;
          progress.audited = Math.min(progress.audited ?? event.audit, event.audit);
        }
        break;
      case "aside":
        this.#view.showAside(side, event.aside);
        break;
      case "begin":
        this.#view.showTotal();
        this.#refuseSame();
        this.#refuseOther(side);
        this.#refuseSide(side);
        this.#view.showConnections(this.#sides);
        break;
      case "hello":
        this.#refuseIncompatible(side);
        this.#view.showConnections(this.#sides);
        break;
      case "progress":
        this.#view.showBottleneck();
        break;
      case "differ":
        this.#takeDifferences(side, event.ranges);
        break;
      case "changed":
        this.#refuseTooMany(side);
        break;
      case "tunnel":
      case "destination":
      case "map":
      case "error":
      case "end":
      case "unknown":
        break;
    }
  }

  /** Keeps the ranges that differ, and ends a comparison whose ranges cannot be kept. */
  #takeDifferences(side: Side, ranges: readonly Range[]): void {
    const refused = this.#context.progress.differences.add(ranges);
    if (refused !== undefined) {
      const where = hostLabel(side.end);
      this.giveUp(
        new SyncError(
          `${refused}, as the stage on ${where} reports them`,
          "leave out --ranges-out, or give a larger --block-size; with the same blockcopy on both hosts, report this fault",
          ExitCode.protocol,
        ),
      );
    }
  }

  /** Ends an incremental copy whose source names more ranges than the destination would accept. */
  #refuseTooMany({ changed, end }: Side): void {
    const last = changed.at(-1)?.end ?? 0;
    if (changed.length > MAX_EXTENTS || last > MAX_POSITION) {
      this.giveUp(
        new SyncError(
          `the stage on ${hostLabel(end)} names ranges that no source has`,
          "use the same blockcopy on both hosts; if it is the same, report this fault",
          ExitCode.protocol,
        ),
      );
    }
  }

  /** Refuses a stage of another version whose events cannot be read. */
  #refuseIncompatible(side: Side): void {
    const reason = incompatibility(side);
    if (reason !== undefined) {
      this.giveUp(new SyncError(reason.message, reason.advice, ExitCode.unavailable));
    }
  }

  #refuseSide(side: Side): void {
    const reason = this.#refuses?.(side);
    if (reason !== undefined) {
      this.giveUp(reason);
    }
  }

  /**
   * Refuses a stage whose file or device is not that of the stage before, or of the first stream: its name has been given to another one since,
   * and the copy would be a mixture of both.
   */
  #refuseOther({ end, role, instance, before }: Side): void {
    const [first] = this.#streams;
    // With 0.0.2, both sides of a stream are the only one that reports anything.
    const known = before ?? [first?.from, first?.to].find((found) => found?.role === role);
    if (known !== undefined && known.instance !== null && instance !== known.instance) {
      this.giveUp(
        new SyncError(
          `the ${role} ${nameOf(end)} is another file or device than when the copy began`,
          "find out what has replaced it, and copy again",
          ExitCode.unavailable,
        ),
      );
    }
  }

  /** Refuses a copy of a file or device onto itself, even under two names. */
  #refuseSame(): void {
    const same = this.#streams.find(
      ({ from, to }) => from !== to && from.instance !== null && from.instance === to.instance,
    );
    if (same !== undefined) {
      this.giveUp(sameError(nameOf(same.from.end), nameOf(same.to.end)));
    }
  }
}
