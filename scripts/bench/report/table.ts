import { cells, type Spread } from "../../common/spread.ts";
import { digitsFor } from "./numbers.ts";
import type { Outcome } from "./outcome.ts";
import type { Row } from "./row.ts";
import { LEAST_PEAK } from "../machine/usage.ts";

/** A head, and what a row has below it. */
type Column = readonly [head: string, cell: (row: Row) => string];

/** The table of an outcome: a head, then a line for each contender. */
export function table({ unit, reference, rows }: Outcome): string[][] {
  const columns: Column[] = [
    ["", ({ name }) => name],
    [unit, ({ missing, figure }) => missing ?? median(figure)],
    ["lowest–highest", ({ figure }) => cells(figure, digits(figure))[1]],
  ];
  // The totals of a run say nothing about its memory.
  if (unit !== "MB")
    columns.push(
      ["CPU s", ({ cpuSeconds }) => median(cpuSeconds)],
      ["peak MB", ({ peakBytes }) => (peakBytes === null ? "–" : peak(peakBytes))],
    );
  for (const head of new Set(rows.flatMap(({ more }) => Object.keys(more))))
    columns.push([head, ({ more }) => cells(more[head] ?? null, 3)[0]]);
  const to = reference.length > 1 ? "the lesser" : reference[0];
  if (to !== undefined) columns.push([`speed, ${to} = 1`, ({ speed }) => cells(speed, 2)[0]]);
  return [
    columns.map(([head]) => head),
    ...rows.map((row) => columns.map(([, cell]) => cell(row))),
  ];
}

function median(figure: Spread | null): string {
  return cells(figure, digits(figure))[0];
}

function digits(figure: Spread | null): number {
  return digitsFor(figure?.median ?? 0);
}

function peak(bytes: number): string {
  const megabytes = (Math.max(bytes, LEAST_PEAK) / 1e6).toFixed(0);
  return bytes < LEAST_PEAK ? `<${megabytes}` : megabytes;
}
