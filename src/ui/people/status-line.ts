import type { CopyState, Work } from "../copy-state.ts";
import { formatBriefly, formatDuration } from "../format.ts";
import { bottleneckText } from "../bottleneck.ts";
import { printable } from "../../errors/printable.ts";

/** A part of a line, and how much it matters: where there is not room for all, the greatest number goes first. */
interface Part {
  text: string;
  rank: number;
}

/** What there is to show of a copy, in a line of at most so many columns; undefined while there is nothing, or while it must not be shown. */
export function liveText(state: CopyState, columns: number): string | undefined {
  const { begun, connecting, awaited, besides } = state;
  if (connecting) {
    return undefined;
  }
  if (awaited !== undefined && besides === undefined) {
    const waiting = { text: `waiting for ${printable(awaited)}`, rank: 1 };
    return fitting([{ text: "Sync", rank: 0 }, waiting], columns);
  }
  return begun ? statusLine(state, columns) : undefined;
}

/** How far a copy is, in a line of at most so many columns. */
export function statusLine(state: CopyState, columns: number): string {
  const { besides, work, counts, bottleneck } = state;
  const shown = besides ?? work;
  const title = besides === undefined ? "Sync" : `Sync, ${printable(besides.what ?? "")}`;
  const parts: Part[] = [{ text: title, rank: 0 }, ...partsOf(shown)];
  if (besides === undefined) {
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

/** How far some work is, at what rate, and how long the rest of it takes: the rate last, but for the time that is left. */
function partsOf(work: Work): Part[] {
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

/** The parts with two spaces between them, but for those that there is no room for: what matters most takes its room first. */
function fitting(parts: readonly Part[], columns: number): string {
  const line = (taken: readonly Part[]): string =>
    parts
      .filter((part) => taken.includes(part))
      .map(({ text }) => text)
      .join("  ");
  let taken: Part[] = [];
  for (const part of parts.toSorted((one, other) => one.rank - other.rank)) {
    if (line([...taken, part]).length <= columns) {
      taken = [...taken, part];
    }
  }
  return line(taken);
}
