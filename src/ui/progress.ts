import type { ChangeMap } from "./change-map.ts";
import type { Proof, Range } from "./programs/event-values.ts";

/**
 * The counters of a stage, in addition to the bytes that are done: blocks that differ, their bytes, bytes that were sent, bytes of the blocks
 * that were sent with a payload before compression (`plain`), and after it (`packed`).
 */
export const COUNTED = ["blocks", "changed", "sent", "plain", "packed"] as const;

/** The name of a counter. */
export type Counted = (typeof COUNTED)[number];

/** The values of all counters. */
export type Counts = Readonly<Record<Counted, number>>;

/** All counters at 0. */
export const NO_COUNTS: Counts = { blocks: 0, changed: 0, sent: 0, plain: 0, packed: 0 };

/** End of a stage, or of other work that it does. */
export interface StageEnding {
  succeeded: boolean;
  /** The result in words, if there is one. */
  outcome?: string | undefined;
}

/** The facts that a stage of one of several streams tells the others. */
export interface StreamShare {
  /** Name by which the others open the queue of parts from its process; undefined if they cannot, or should not. */
  queue?: string | undefined;
  /** Its process, as `NUMBER/START`, by which another one can take its place; undefined if none can. */
  process?: string | undefined;
  /** Size of its source in bytes. */
  size?: number | undefined;
}

/** Receives the progress of a stage. */
export interface Progress {
  /**
   * The stage has opened its file.
   *
   * @param total bytes to work on; undefined if unknown
   * @param instance identity of the file or device, if known
   * @param share what the other streams of the same copy need to know
   */
  begin(total: number | undefined, instance?: string | null, share?: StreamShare): void;
  /** More bytes are done. */
  advance(bytes: number): void;
  /** Adds to a counter. */
  count(what: Counted, number: number): void;
  /** Gives the change map at the end, if it was asked for. */
  mapped(map: ChangeMap): void;
  /** Names ranges that differ, in ascending order, if they were asked for. */
  differed(ranges: readonly Range[]): void;
  /** Gives the proof of the stage at the end. */
  proved(proof: Proof): void;
  /** The stage does other work on `total` bytes, such as `reading back`, until the returned progress finishes. Its own work waits. */
  aside(what: string, total: number): Progress;
  /** The stage has ended. A display removes itself. */
  finish(ending: StageEnding): void;
}

/** Shows nothing: for a stage in a cron job or in the middle of a pipe. */
export const silent: Progress = {
  begin: () => undefined,
  advance: () => undefined,
  count: () => undefined,
  mapped: () => undefined,
  differed: () => undefined,
  proved: () => undefined,
  aside: () => silent,
  finish: () => undefined,
};

/** Returns a progress that shows the work of a stage as other work that `progress` waits for, described by `what`. */
export function asAside(progress: Progress, what: string): Progress {
  let shown = silent;
  return {
    ...silent,
    begin: (total, instance) => {
      progress.begin(total, instance);
      shown = progress.aside(what, total ?? 0);
    },
    advance: (bytes) => shown.advance(bytes),
    finish: ({ succeeded }) => shown.finish({ succeeded }),
  };
}
