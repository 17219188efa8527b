// The counting of tests that fail now and then.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readCargo } from "../../scripts/flakes/rust.ts";
import { Tally } from "../../scripts/flakes/tally.ts";

const OUTPUT = `   Compiling blockcopy-blockio v0.1.0
     Running tests/suite/main.rs (target/debug/deps/suite-0c1)
test write::odd_tail ... FAILED
test write::whole ... ok
test zero::devices ... ignored, needs root

failures:

---- write::odd_tail stdout ----
thread 'write::odd_tail' panicked at write.rs:1:1

failures:
    write::odd_tail
`;

test("what cargo prints names the failed tests", () => {
  const { failures, total } = readCargo(OUTPUT);
  assert.deepEqual(total, { passed: 1, failed: 1, skipped: 1 });
  const [failure, ...others] = failures;
  assert.deepEqual(others, []);
  assert.equal(failure?.name, "write::odd_tail");
  assert.match(failure.file, /^tests\/suite\/main\.rs/);
  assert.match(failure.why, /panicked at write\.rs/);
});

test("each failed test is counted, the most frequent first", () => {
  const tally = new Tally();
  assert.ok(tally.isEmpty);
  for (const name of ["a", "b", "b"]) tally.add({ name, file: "x.test.ts", why: "" });
  assert.deepEqual(tally.lines(), ["   2 × x.test.ts: b", "   1 × x.test.ts: a"]);
});
