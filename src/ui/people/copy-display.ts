import type { CopyState } from "../copy-state.ts";
import { liveText } from "./status-line.ts";
import { wrapped } from "./columns.ts";
import { printable } from "../../errors/printable.ts";
import { printLine, stderrColumns } from "../stderr.ts";

/** Shows how far a copy is, until it has ended. */
export interface CopyDisplay {
  /** It has ended; `summary` says what came of it, in lines, where it has succeeded and that is wanted. */
  finish(summary: readonly string[] | undefined): void;
}

const MINUTE_MILLISECONDS = 60_000;

/** For those who are not to be told anything but a failure. */
export const hidden: CopyDisplay = { finish: () => undefined };

/** Where there is no terminal: a line each minute, so that a short copy only has its summary. */
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
