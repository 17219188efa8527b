// The bottleneck of a copy, from the time that its programs have spent.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  findBottleneck,
  localBottleneck,
  RecentTimeSpent,
} from "../../src/sync/find-bottleneck.ts";
import { bottleneckText } from "../../src/ui/bottleneck.ts";
import type { TimeSpent } from "../../src/ui/programs/event-values.ts";

/** Four seconds of a program with two threads: shares of the CPU time of both, and of the time that it has waited. */
function spent(cpu: number, input: number, output: number): TimeSpent {
  return { elapsed: 4000, cpu: cpu * 8000, threads: 2, input: input * 4000, output: output * 4000 };
}

const cases: [
  what: string,
  source: TimeSpent,
  destination: TimeSpent,
  linked: string,
  here: string,
][] = [
  [
    "the blocks pile up, and the destination has none",
    spent(0.2, 0.1, 0.8),
    spent(0.1, 0.9, 0),
    "link",
    "none",
  ],
  [
    "the blocks pile up, and the destination has its hands full",
    spent(0.2, 0.1, 0.8),
    spent(0.1, 0.1, 0),
    "disk of the destination",
    "disk of the destination",
  ],
  [
    "the same, and its threads are busy",
    spent(0.1, 0.1, 0.8),
    spent(0.9, 0.1, 0),
    "CPU of the destination",
    "CPU of the destination",
  ],
  [
    "the blocks pile up, and the destination waits half of the time",
    spent(0.2, 0.1, 0.8),
    spent(0.1, 0.45, 0),
    "none",
    "none",
  ],
  [
    "digests are awaited",
    spent(0.1, 0.9, 0),
    spent(0.3, 0.9, 0.1),
    "disk of the destination",
    "disk of the destination",
  ],
  [
    "digests are awaited, and the destination hashes all the time",
    spent(0.05, 0.9, 0),
    spent(0.9, 0.9, 0.1),
    "CPU of the destination",
    "CPU of the destination",
  ],
  ["digests are awaited, and pile up", spent(0.1, 0.9, 0), spent(0.3, 0.9, 0.8), "link", "none"],
  [
    "the source never waits",
    spent(0.3, 0.05, 0.1),
    spent(0.1, 0.9, 0.9),
    "disk of the source",
    "disk of the source",
  ],
  [
    "the source never waits, and compresses all the time",
    spent(0.95, 0.05, 0.1),
    spent(0.01, 0.9, 0.9),
    "CPU of the source",
    "CPU of the source",
  ],
  [
    "the CPU is divided between the two",
    spent(0.5, 0.05, 0.1),
    spent(0.45, 0.9, 0.1),
    "disk of the source",
    "CPU of the source",
  ],
  [
    "the source waits now for this and now for that",
    spent(0.3, 0.4, 0.4),
    spent(0.3, 0.4, 0.4),
    "none",
    "none",
  ],
];
for (const [what, source, destination, linked, here] of cases) {
  test(`the bottleneck of a copy: ${what}`, () => {
    for (const [link, expected] of [
      [true, linked],
      [false, here],
    ] as const) {
      const found = findBottleneck(source, destination, { linked: link });
      const words = found === undefined ? "none" : bottleneckText({ ...found, host: null });
      assert.equal(words, expected, link ? "linked" : "here");
    }
  });
}

test("a program alone, and what it is called on another host", () => {
  assert.equal(bottleneckText({ ...localBottleneck(spent(0.9, 0, 0)), host: null }), "CPU");
  assert.equal(bottleneckText({ ...localBottleneck(spent(0.7, 0, 0)), host: null }), "disk");
  assert.equal(bottleneckText({ what: "disk", side: "source", host: "root@a" }), "disk of root@a");
});

test("only the last seconds count, and too few of them tell nothing", () => {
  const timeSpent = new RecentTimeSpent();
  const at = (elapsed: number, output: number): TimeSpent => ({
    ...spent(0, 0, 0),
    elapsed,
    output,
  });
  for (let elapsed = 0; elapsed <= 1900; elapsed += 100) timeSpent.add(at(elapsed, 0));
  assert.equal(timeSpent.recent, undefined);
  for (let elapsed = 2000; elapsed <= 60_000; elapsed += 100)
    timeSpent.add(at(elapsed, elapsed - 2000));
  assert.deepEqual(timeSpent.recent, { ...at(4000, 4000) });
});
