import type { CopyState } from "../copy-state.ts";
import { liveText } from "./copy-line.ts";
import { wrapped } from "./columns.ts";
import { printable } from "../../errors/printable.ts";
import { printLine, stderrColumns } from "../stderr.ts";

/** Shows the progress of a copy. */
export interface CopyDisplay {
  /**
   * The copy has ended.
   *
   * @param summary lines to print after a success; undefined for none
   */
  finish(summary: readonly string[] | undefined): void;
}

const MINUTE_MILLISECONDS = 60_000;

/** Shows nothing. */
export const hidden: CopyDisplay = { finish: () => undefined };

/** Prints a line each minute, where there is no terminal. A short copy prints only its summary. */
export function minuteDisplay(state: CopyState, interval = MINUTE_MILLISECONDS): CopyDisplay {
  const timer = setInterval(() => {
    const line = liveText(state, Infinity);
    if (line !== undefined) {
      printLine(line);
    }
  }, interval);
  timer.unref();
  return {
    finish: (summary) => {
      clearInterval(timer);
      summary?.flatMap((line) => wrapped(printable(line), stderrColumns())).forEach(printLine);
    },
  };
}
