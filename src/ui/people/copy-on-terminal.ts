import { tick } from "../../errors/charset.ts";
import type { CopyDisplay } from "./copy-by-minute.ts";
import type { CopyState } from "../copy-state.ts";
import { liveText } from "./copy-line.ts";
import { TerminalLine, type TerminalRight } from "./terminal-line.ts";

/** Shows a line that changes in place. The summary replaces it. */
export function liveDisplay(state: CopyState, acquire: () => TerminalRight): CopyDisplay {
  const line = new TerminalLine({
    text: (columns) => liveText(state, columns),
    acquire,
    patience: 0,
  });
  return {
    finish: (summary) => line.finish(summary && [`${tick()}${summary[0]}`, ...summary.slice(1)]),
  };
}
