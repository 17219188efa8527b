import type { Spread } from "../../common/spread.ts";
import { digitsFor } from "./numbers.ts";
import { lessIsBetter, type Outcome } from "./outcome.ts";
import type { Unit } from "../scenario.ts";

// In pixels.
const WIDTH = 800;
const PADDING = 28;
/** The place where names end and bars begin. */
const AXIS = 232;
/** The end of the longest bar; its figure still fits after it. */
const BARS = 460;
const ROW = 24;
const BAR = 14;
const TITLE = 34;
const GAP = 22;

// A card with a background of its own, so that it can be read wherever it is shown.
const STYLE = `
  svg { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
  .card { fill: #ffffff; stroke: #d1d9e0; }
  .rule { stroke: #d1d9e0; }
  text { fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .muted { fill: #59636e; }
  .ours { font-weight: 600; }
  .bar { fill: #b7c0cb; }
  .bar.ours { fill: #2f6feb; }
  .range { stroke: #1f2328; stroke-opacity: 0.55; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #3d444d; }
    .rule { stroke: #3d444d; }
    text { fill: #f0f6fc; }
    .muted { fill: #9198a1; }
    .bar { fill: #545d68; }
    .bar.ours { fill: #4c8dff; }
    .range { stroke: #f0f6fc; }
  }`;

/** A bar and the text next to it. */
interface Bar {
  readonly name: string;
  readonly ours: boolean;
  readonly figure: Spread;
}

interface Group {
  readonly title: string;
  readonly unit: Unit;
  readonly bars: readonly Bar[];
}

/** The medians as horizontal bars, a group with a scale of its own for each scenario in which there is something to compare. */
export function chart(outcomes: readonly Outcome[]): string {
  const groups = outcomes
    .map(({ title, unit, rows }) => ({ title, unit, bars: rows.flatMap(toBar) }))
    .filter(({ bars }) => bars.length > 1);
  let top = PADDING;
  const parts = groups.map((group, index) => {
    const part = `<g transform="translate(0 ${top})">${draw(group, index > 0)}</g>`;
    top += TITLE + ROW * group.bars.length + GAP;
    return part;
  });
  const height = top - GAP + PADDING;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Medians of the benchmarks as bars">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function toBar({ name, ours, figure }: Outcome["rows"][number]): Bar[] {
  return figure === null ? [] : [{ name, ours, figure }];
}

function draw({ title, unit, bars }: Group, ruled: boolean): string {
  const longest = Math.max(...bars.map(({ figure }) => figure.max));
  const right = WIDTH - PADDING;
  const better = lessIsBetter(unit) ? "shorter" : "longer";
  return [
    ruled ? `<path class="rule" d="M${PADDING} ${-GAP / 2}H${right}"/>` : "",
    `<text class="title" x="${PADDING}" y="16">${escaped(title)}</text>`,
    `<text class="muted" x="${right}" y="16" text-anchor="end">${unit}, ${better} is better</text>`,
    ...bars.map((bar, index) => drawBar(bar, TITLE + index * ROW, BARS / longest, unit)),
  ].join("\n");
}

function drawBar({ name, ours, figure }: Bar, top: number, scale: number, unit: Unit): string {
  const { median, min, max } = figure;
  const middle = top + BAR / 2;
  const x = (value: number): string => (AXIS + value * scale).toFixed(1);
  const kind = ours ? " ours" : "";
  const whiskers = `M${x(min)} ${middle}H${x(max)}M${x(min)} ${middle - 3}v6M${x(max)} ${middle - 3}v6`;
  return [
    `<text class="name${kind}" x="${AXIS - 12}" y="${middle + 4.5}" text-anchor="end">${escaped(name)}</text>`,
    `<rect class="bar${kind}" x="${AXIS}" y="${top}" width="${(median * scale).toFixed(1)}" height="${BAR}" rx="2"/>`,
    min === max ? "" : `<path class="range" d="${whiskers}"/>`,
    `<text class="name${kind}" x="${(AXIS + max * scale + 8).toFixed(1)}" y="${middle + 4.5}">${median.toFixed(digitsFor(median))} ${unit}</text>`,
  ].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
