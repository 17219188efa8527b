import type { CopyState, Work } from "../copy-state.ts";
import { formatBriefly, formatDuration } from "../format.ts";
import { bottleneckText } from "../bottleneck.ts";
import { printable } from "../../errors/printable.ts";

/** A part of a line. If there is not enough room, the part with the highest rank is left out first. */
interface LinePart {
  text: string;
  rank: number;
}

/** Returns the line that shows a copy now, at most `columns` wide; undefined if there is nothing to show, or a login may be asking. */
export function liveText(state: CopyState, columns: number): string | undefined {
  const { begun, connecting, awaited, asideWork } = state;
  if (connecting) {
    return undefined;
  }
  if (awaited !== undefined && asideWork === undefined) {
    const waiting = { text: `waiting for ${printable(awaited)}`, rank: 1 };
    return fitting([{ text: printable(state.title), rank: 0 }, waiting], columns);
  }
  return begun ? statusLine(state, columns) : undefined;
}

/** Returns the progress of a copy in a line, at most `columns` wide. */
export function statusLine(state: CopyState, columns: number): string {
  const { asideWork, work, counts, bottleneck } = state;
  const shown = asideWork ?? work;
  const name = printable(state.title);
  const title = asideWork === undefined ? name : `${name}, ${printable(asideWork.what ?? "")}`;
  const parts: LinePart[] = [{ text: title, rank: 0 }, ...partsOf(shown)];
  if (asideWork === undefined) {
    const at = parts.length - (parts.at(-1)?.rank === LEFT ? 2 : 1);
    parts.splice(
      at,
      0,
      { text: `changed ${formatBriefly(counts.changed)}`, rank: 5 },
      ...(counts.sent > 0 ? [{ text: `sent ${formatBriefly(counts.sent)}`, rank: 6 }] : []),
    );
    if (bottleneck !== undefined) {
      parts.push({ text: `(${bottleneckText(bottleneck)})`, rank: 7 });
    }
  }
  return fitting(parts, columns);
}

const LEFT = 2;

/** Returns the progress of some work, its rate, and last the time that is left. */
function partsOf(work: Work): LinePart[] {
  const { total, done, rate } = work;
  const bytes = formatBriefly(done);
  const speed = { text: `${formatBriefly(rate)}/s`, rank: 4 };
  if (total === undefined) {
    return [{ text: bytes, rank: 1 }, speed];
  }
  const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
  return [
    { text: `${bytes} of ${formatBriefly(total)}`, rank: 3 },
    { text: `${Math.min(100, percent)} %`, rank: 1 },
    speed,
    ...(rate > 0
      ? [{ text: `${formatDuration(Math.max(0, total - done) / rate)} left`, rank: LEFT }]
      : []),
  ];
}

/** Joins the parts with two spaces, without those that do not fit. Parts of the lowest rank take their room first. */
function fitting(parts: readonly LinePart[], columns: number): string {
  const line = (taken: readonly LinePart[]): string =>
    parts
      .filter((part) => taken.includes(part))
      .map(({ text }) => text)
      .join("  ");
  let taken: LinePart[] = [];
  for (const part of [...parts].sort((one, other) => one.rank - other.rank)) {
    if (line([...taken, part]).length <= columns) {
      taken = [...taken, part];
    }
  }
  return line(taken);
}
