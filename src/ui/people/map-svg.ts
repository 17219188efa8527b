import type { ChangeMap } from "../change-map.ts";
import { formatBriefly, formatBytes } from "../format.ts";
import { printable } from "../../errors/printable.ts";

/** Cells per row, and rows: together the most buckets that a change map has. */
const COLUMNS = 128;
const ROWS = 32;

/** Sizes in pixels: of a cell, and of the margins. */
const CELL = 6;
const LEFT = 90;
const TOP = 56;
const BOTTOM = 40;
const RIGHT = 16;

const WIDTH = LEFT + COLUMNS * CELL + RIGHT;
const HEIGHT = TOP + ROWS * CELL + BOTTOM;

/** Colours of a cell without changes, with the fewest changes and with nothing but changes. */
const SAME = [232, 236, 240] as const;
const LEAST = [255, 214, 140] as const;
const MOST = [178, 24, 43] as const;

/** The start of an image. */
export const SVG_BEGINNING = '<?xml version="1.0" encoding="UTF-8"?>';

/** Draws a change map as an SVG image. Rows go from the start to the end; a cell is darker the more of it differs. */
export function mapSvg(map: ChangeMap, title: string): string {
  const cells = COLUMNS * ROWS;
  const shares = map.shares(cells);
  const rows = Array.from({ length: ROWS }, (_, row) =>
    rowOf(shares.slice(row * COLUMNS, (row + 1) * COLUMNS), TOP + row * CELL),
  );
  const offsets = Array.from({ length: ROWS / 4 }, (_, index) => {
    const offset = Math.round((index * 4 * map.length) / ROWS);
    const y = TOP + (index * 4 + 1) * CELL;
    return `<text x="${LEFT - 8}" y="${y}" text-anchor="end">${formatBriefly(offset)}</text>`;
  });
  const what = `${formatBytes(map.total)} of ${formatBytes(map.length)} changed; a cell is ${formatBriefly(map.length / cells)}`;
  return [
    SVG_BEGINNING,
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${LEFT}" y="22" font-size="14">${escaped(title)}</text>`,
    `<text x="${LEFT}" y="42">${what}</text>`,
    `<rect x="${LEFT}" y="${TOP}" width="${COLUMNS * CELL}" height="${ROWS * CELL}" fill="${colour(0)}"/>`,
    ...rows.flat(),
    ...offsets,
    ...legend(TOP + ROWS * CELL + 14),
    "</svg>",
    "",
  ].join("\n");
}

/** Draws the cells of a row that differ. Neighbours of one colour are one rectangle. */
function rowOf(shares: readonly number[], y: number): string[] {
  const rectangles: string[] = [];
  for (let from = 0; from < shares.length;) {
    const fill = colour(shares[from] ?? 0);
    let to = from + 1;
    while (to < shares.length && colour(shares[to] ?? 0) === fill) {
      to += 1;
    }
    if (fill !== colour(0)) {
      const width = (to - from) * CELL;
      rectangles.push(
        `<rect x="${LEFT + from * CELL}" y="${y}" width="${width}" height="${CELL}" fill="${fill}"/>`,
      );
    }
    from = to;
  }
  return rectangles;
}

function legend(y: number): string[] {
  const entries: readonly [share: number, words: string][] = [
    [0, "same"],
    [0.25, "25 %"],
    [0.5, "50 %"],
    [0.75, "75 %"],
    [1, "all changed"],
  ];
  return entries.flatMap(([share, words], index) => {
    const x = LEFT + index * 90;
    return [
      `<rect x="${x}" y="${y}" width="12" height="12" fill="${colour(share)}"/>`,
      `<text x="${x + 18}" y="${y + 10}">${words}</text>`,
    ];
  });
}

/** Returns the colour of a share, in steps of a sixteenth. Only a share of 0 has the first one. */
function colour(share: number): string {
  if (share === 0) {
    return rgb(SAME);
  }
  const step = Math.ceil(share * 16) / 16;
  return rgb(LEAST.map((least, index) => least + ((MOST[index] ?? 0) - least) * step));
}

function rgb(parts: readonly number[]): string {
  return `#${parts.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

/** Escapes text for XML, which cannot contain control characters at all. */
function escaped(text: string): string {
  return printable(text, { ascii: false })
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
