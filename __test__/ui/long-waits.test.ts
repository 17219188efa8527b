// A call that never returns is named once, and once more when it has returned.
import assert from "node:assert/strict";
import { test } from "node:test";
import { LongWaits } from "../../src/process/long-waits.ts";
import type { Wait } from "../../src/native/binding.js";

/** Looks once at each of these waits, and returns the warnings. */
function warningsFor(...waits: (Partial<Wait> | null)[]): string[] {
  const warnings: string[] = [];
  const longestWait = (): Wait | null => {
    const wait = waits.shift() ?? null;
    return wait && { number: 1, action: "read", path: "/srv/x", offset: 7, seconds: 0, ...wait };
  };
  const long = new LongWaits({ native: { longestWait }, warn: (text) => warnings.push(text) });
  for (let left = waits.length; left > 0; left -= 1) long.look();
  return warnings;
}

test("a call that does not return for a minute is named once, and again when it has returned", () => {
  const looks = Array.from({ length: 90 }, (_, seconds) => ({ seconds }));
  const told = "waiting for /srv/x: a call to read at offset 7 has not returned for 60 seconds; ";
  const [first, ...more] = warningsFor(...looks);
  assert.ok(first?.startsWith(told), first);
  assert.deepEqual(more, []);
  const [, second] = warningsFor(...looks, { number: 2, seconds: 1 }, null);
  assert.equal(second, "/srv/x answers again: the call to read at offset 7 took 89 seconds");
});

test("a disk that answers within a minute, or a process that was stopped, is no reason to warn", () => {
  assert.deepEqual(warningsFor({ seconds: 59 }, { seconds: 59.9 }, { seconds: 1 }), []);
  assert.deepEqual(warningsFor({ seconds: 0.5 }, { number: 2, seconds: 100 }, null), []);
});

test("a call without an offset is named without one", () => {
  const wait = { action: "sync", offset: undefined };
  const [text = ""] = warningsFor({ ...wait, seconds: 60 }, { ...wait, seconds: 61 });
  assert.match(text, /^waiting for \/srv\/x: a call to sync has not returned for 61 seconds; /);
});
