import type { ChangeMap } from "../change-map.ts";
import { formatBriefly, formatBytes } from "../format.ts";

/** Lines of a map on a terminal. */
const ROWS = 8;

/** Columns that the offset at the beginning of a line takes, with what parts it from the map. */
const MARGIN = 12;

/** For what is the same, and for up to so much of a cell that differs. */
const SHADES = { unicode: ["·", "░", "▒", "▓", "█"], ascii: [".", "-", "+", "*", "#"] };

const LIMITS = [0, 0.25, 0.5, 0.75];

/**
 * A map as lines of text: row by row from the beginning to the end, each cell darker the more of it differs.
 *
 * @param columns how wide it may be
 * @param unicode whether the terminal has more than ASCII
 */
export function drawMap(map: ChangeMap, columns: number, unicode: boolean): string[] {
  const shades = unicode ? SHADES.unicode : SHADES.ascii;
  const width = Math.max(8, columns - MARGIN - 1);
  const cells = width * ROWS;
  const shares = map.shares(cells);
  const lines = Array.from({ length: ROWS }, (_, row) => {
    const offset = formatBriefly(Math.round((row * map.length) / ROWS)).padStart(MARGIN - 2);
    const drawn = shares.slice(row * width, (row + 1) * width);
    return `${offset}  ${drawn.map((share) => shades[shadeOf(share)]).join("")}`;
  });
  const [same, quarter, half, most, all] = shades;
  const indent = " ".repeat(MARGIN);
  return [
    ...lines,
    `${indent}${same} same   changed: ${quarter} up to 25 %  ${half} 50 %  ${most} 75 %  ${all} more`,
    `${indent}${formatBytes(map.total)} of ${formatBytes(map.length)}; a cell is ${formatBriefly(map.length / cells)}`,
  ];
}

/** Which shade a share has: the first one only where nothing at all differs. */
function shadeOf(share: number): number {
  // A hair above a limit is what comes of dividing.
  const index = LIMITS.findIndex((limit) => share <= (limit === 0 ? 0 : limit + 1e-9));
  return index === -1 ? LIMITS.length : index;
}
