// Loaded before the tests: writes the beginning and the end of each test into the record, if there is one, and ends after the first failure if it may.
import { appendFileSync, existsSync } from "node:fs";
import { afterEach, beforeEach } from "node:test";

const record = `${process.env.BLOCKCOPY_MUTANTS}/reached`;
const isRecorded = process.env.BLOCKCOPY_MUTANT === undefined && existsSync(record);

beforeEach((test) => {
  if (!isRecorded) return;
  // Stryker's object, which the switch has made.
  globalThis["__stryker__"]?.forget();
  note({ begins: test.name });
});

afterEach((test) => {
  if (isRecorded) note({ ends: test.name });
  if (process.env.BLOCKCOPY_MUTANTS_BAIL && test.passed === false) process.exit(1);
});

function note(event) {
  appendFileSync(record, `${JSON.stringify({ ...event, at: Date.now() })}\n`);
}
