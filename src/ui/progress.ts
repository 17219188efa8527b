/** What `retrieve` counts: blocks that differ, their bytes, and bytes that go out. */
export type Counted = "blocks" | "changed" | "sent";

/** What people see of a stage while it runs. */
export interface Progress {
  /** The stage has opened its file and knows how many bytes there are to work on, or that nobody knows. */
  begin(total: number | undefined): void;
  /** So many more bytes are done. */
  advance(bytes: number): void;
  /** Counts something else than the bytes that are done. */
  count(what: Counted, number: number): void;
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
  aside: () => silent,
  finish: () => undefined,
};
