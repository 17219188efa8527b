import type { Entry } from "../help/layout.ts";

/** Signals that have an effect. */
export const SIGNALS: readonly Entry[] = [
  [
    "INT, TERM, HUP",
    "the first ends a copy as soon as everything that it has written is on the disk; a second one ends it at once",
  ],
  ["USR1", "makes any command print its progress"],
];

/** Exception to {@link SIGNALS}. */
export const IGNORED_SIGNALS =
  "A signal that was ignored when blockcopy started, as with nohup(1), stays ignored.";
