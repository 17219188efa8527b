import type { ChangeMap } from "./change-map.ts";
import type { Proof } from "./event-lines.ts";

/**
 * What is counted beside the bytes that are done: blocks that differ; their bytes; bytes that go out; bytes of the blocks that go
 * out as more than a length, before they are compressed; and what these take then.
 */
export const COUNTED = ["blocks", "changed", "sent", "plain", "packed"] as const;

/** What is counted beside the bytes that are done. */
export type Counted = (typeof COUNTED)[number];

/** So much has been counted. */
export type Counts = Readonly<Record<Counted, number>>;

/** Nothing counted yet. */
export const NO_COUNTS: Counts = { blocks: 0, changed: 0, sent: 0, plain: 0, packed: 0 };

/** What people see of a stage while it runs. */
export interface Progress {
  /**
   * The stage has opened its file and knows how many bytes there are to work on, or that nobody knows. `instance`: which file or device of
   * its host that is, where that is known.
   */
  begin(total: number | undefined, instance?: string | null): void;
  /** So many more bytes are done. */
  advance(bytes: number): void;
  /** Counts something else than the bytes that are done. */
  count(what: Counted, number: number): void;
  /** Where the bytes are that differ; told at the end, and only where somebody has asked for it. */
  mapped(map: ChangeMap): void;
  /** The stage's proof, reported at the end to whoever has started it. */
  proved(proof: Proof): void;
  /** The stage does something else to `total` bytes, as `reading back`, until that has finished; its own bytes wait. */
  aside(what: string, total: number): Progress;
  /**
   * The stage has ended. Nothing of the display is left in the way of what is printed next. `outcome` is what came of it, in words,
   * where there is something to say.
   */
  finish(succeeded: boolean, outcome?: string): void;
}

/** Nothing at all: for a stage that runs from cron or in the middle of a pipe. */
export const silent: Progress = {
  begin: () => undefined,
  advance: () => undefined,
  count: () => undefined,
  mapped: () => undefined,
  proved: () => undefined,
  aside: () => silent,
  finish: () => undefined,
};

/** What a stage does, shown as something that others wait for: what it does there is `what`. */
export function asAside(progress: Progress, what: string): Progress {
  let shown = silent;
  return {
    ...silent,
    begin: (total, instance) => {
      progress.begin(total, instance);
      shown = progress.aside(what, total ?? 0);
    },
    advance: (bytes) => shown.advance(bytes),
    finish: (succeeded) => shown.finish(succeeded),
  };
}
