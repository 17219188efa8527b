// The events of a `sync --json` that has succeeded, checked as a program that reads them would.
import assert from "node:assert/strict";
import type { Outcome } from "../support/programs/cli.ts";
import { readEvents, type Event } from "../support/programs/events.ts";
import type { Given } from "./options.ts";

/** The result of a copy in numbers. */
export interface Summary {
  read: number;
  same: number;
  blocks: number;
  changed: number;
  verified: string | null;
  dryRun: boolean;
  sizes: { source: number; destination: number } | null;
}

/** Asserts that the events are documented, in order, and agree with each other. */
export function assertEvents({ stdout }: Outcome, given: Given): Event[] {
  const events = readEvents(stdout);
  assert.equal(events[0]?.event, "hello");
  assert.equal(events.at(-1)?.event, "end");
  const summary = summaryIn(events);
  const begins = events.filter(({ event }) => event === "begin").length;
  assert.equal(begins, summary === undefined ? 0 : 1, "`begin` is told once, if a stage counts");
  let done = 0;
  for (const event of events) {
    assert.notEqual(event.event, "error");
    if (event.event !== "progress") continue;
    assert.ok(event.done >= done, "progress goes back");
    done = event.done;
  }
  const maps = events.filter((event) => event.event === "map");
  assert.equal(maps.length, given.has("--map") ? 1 : 0);
  for (const { changed, length, bucket } of maps) {
    const sum = changed.reduce((total, bytes) => total + bytes, 0);
    assert.equal(changed.length, Math.ceil(length / bucket), "buckets of the change map");
    if (summary !== undefined) assert.equal(sum, summary.changed, "bytes in the change map");
  }
  return events;
}

/** The summary of a copy; undefined where no stage counts. */
export function summaryIn(events: readonly Event[]): Summary | undefined {
  const last = events.at(-1);
  assert.equal(last?.event, "end");
  return (last.summary as unknown as Summary | null) ?? undefined;
}
