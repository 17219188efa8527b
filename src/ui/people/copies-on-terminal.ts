import type { CopyState } from "../copy-state.ts";
import type { CopyDisplay } from "./copy-by-minute.ts";
import { liveText } from "./copy-line.ts";
import { TerminalLine, type TerminalRight } from "./terminal-line.ts";

const USUAL_ROWS = 24;

/** Columns before each line but the first, which has the spinner there. */
const INDENT = "  ";

/** Shows a line for each copy that has not ended, which all change in place. */
export function liveDisplays(
  states: () => readonly CopyState[],
  acquire: () => TerminalRight,
): CopyDisplay {
  const line = new TerminalLine({
    text: (columns) => liveLines(states(), columns, process.stderr.rows || USUAL_ROWS),
    acquire,
    patience: 0,
  });
  return { finish: (summary) => line.finish(summary) };
}

/**
 * Returns a line for each copy, at most `columns` wide and fewer than `rows`; undefined if there is nothing to show, or a login may be
 * asking.
 */
export function liveLines(
  states: readonly CopyState[],
  columns: number,
  rows: number,
): string[] | undefined {
  if (states.some(({ connecting }) => connecting)) {
    return undefined;
  }
  const lines = states.flatMap((state) => liveText(state, columns) ?? []);
  // The terminal has no way back to what has left it, so there is a row left for the cursor.
  const most = Math.max(1, rows - 2);
  const more = lines.length - most;
  const shown = more > 0 ? [...lines.slice(0, most), `and ${more} more`] : lines;
  return shown.length === 0
    ? undefined
    : shown.map((text, place) => (place === 0 ? text : INDENT + text));
}
