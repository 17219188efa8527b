// Comparing large contents: Node's own assertions take a minute to say what differs.
import assert from "node:assert/strict";

/** Asserts that both are the same, or says from where on they are not. `what` says what was compared. */
export function assertSame(actual: Buffer, expected: Buffer, what = "the content"): void {
  assert.equal(actual.length, expected.length, `the length of ${what}`);
  if (actual.equals(expected)) return;
  let at = 0;
  while (actual[at] === expected[at]) at += 1;
  assert.fail(`${what} differs from offset ${at} on`);
}
