import type { ChangeMap } from "../change-map.ts";
import { formatBriefly, formatBytes } from "../format.ts";

/** Lines of a change map on a terminal. */
const ROWS = 8;

/** Width of the offset at the start of a line, including the space after it. */
const MARGIN = 12;

/** Characters for a cell without changes, and for one of each share in {@link LIMITS} and above. */
const SHADES = { unicode: ["·", "░", "▒", "▓", "█"], ascii: [".", "-", "+", "*", "#"] };

/** The largest share that differs for each shade except the last. */
const LIMITS = [0, 0.25, 0.5, 0.75];

/** A terminal to draw for. */
interface Terminal {
  /** Its width. */
  columns: number;
  /** True if it can show more than ASCII. */
  unicode: boolean;
}

/** Draws a change map as lines of text. Rows go from the start to the end; a cell is darker the more of it differs. */
export function drawMap(map: ChangeMap, { columns, unicode }: Terminal): string[] {
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

/** Returns the index of the shade for a share. The first one means that nothing at all differs. */
function shadeOf(share: number): number {
  // Division may give a share just above a limit.
  const index = LIMITS.findIndex((limit) => share <= (limit === 0 ? 0 : limit + 1e-9));
  return index === -1 ? LIMITS.length : index;
}
