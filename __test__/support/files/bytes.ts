// Comparing large contents, and looking at a part: Node's own assertions take a minute to say what differs.
import assert from "node:assert/strict";
import { closeSync, openSync, readSync } from "node:fs";

/** Asserts that both are the same, or says from where on they are not. `what` says what was compared. */
export function assertSame(actual: Buffer, expected: Buffer, what = "the content"): void {
  assert.equal(actual.length, expected.length, `the length of ${what}`);
  if (actual.equals(expected)) return;
  let at = 0;
  while (actual[at] === expected[at]) at += 1;
  assert.fail(`${what} differs from offset ${at} on`);
}

/** `length` bytes of a file or device from `at` on, or fewer at its end: for whoever looks again and again, and need not read all of it. */
export function bytesAt(path: string, at: number, length: number): Buffer {
  const [bytes, fd] = [Buffer.alloc(length), openSync(path, "r")];
  try {
    return bytes.subarray(0, readSync(fd, bytes, 0, length, at));
  } finally {
    closeSync(fd);
  }
}
