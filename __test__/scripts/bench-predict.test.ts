// The model that predicts rates for more cores than were measured.
import assert from "node:assert/strict";
import { test } from "node:test";
import { predict, START, type TimedRow } from "../../scripts/bench/report/predict.ts";

const GIB = 2 ** 30;
const row = (name: string, median: number, cpu = median): TimedRow => ({
  name,
  figure: { median },
  cpuSeconds: { median: cpu },
});

test("a task of a serial and a parallel part has both found again, without the start", () => {
  const [start, serial, parallel] = [0.5, 0.1, 3.2];
  const seconds = (cores: number): number => start + 2 * (serial + parallel / cores);
  const rows = [
    row(START, start),
    ...[4, 1, 2].map((cores) =>
      row(`work, ${cores} core${cores === 1 ? "" : "s"}`, seconds(cores), 7.5),
    ),
    { name: "not measured, 1 core", figure: null, cpuSeconds: null },
    row("both, 2 streams", 3, 4),
    row("measured once, 1 core", 7),
  ];
  assert.deepEqual(predict(rows, 2 * GIB).slice(1), [
    ["work", "0.100", "3.200", "3.500", "2.0", "3.3", "5.0"],
    ["both, 2 streams", "–", "–", "2.000", "–", "–", "–"],
  ]);
});

test("a task that no more cores make faster is limited by its serial part", () => {
  const [, line] = predict([row("disk, 1 core", 4), row("disk, 2 cores", 4)], GIB);
  assert.deepEqual(line, ["disk", "4.000", "0.000", "4.000", "0.3", "0.3", "0.3"]);
});
