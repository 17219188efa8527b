// Copies to an export where everything differs: most of it is written without reading the destination.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Presumption } from "../../src/sync/presumption.ts";
import { scratch } from "../support/files/files.ts";
import { EXIT, run } from "../support/programs/cli.ts";
import { fakeNbd, FLAG, NBD, type NbdRequest } from "../support/programs/nbd.ts";

const MIB = 1024 * 1024;
const BATCH = 2 * MIB;

/**
 * Copies an export whose batches are equal where `isEqual` says so, with `inFlight` batches in flight.
 *
 * @returns the bytes that were read at the destination, and those that were written in vain
 */
function copied(
  batches: number,
  isEqual: (batch: number) => boolean,
  inFlight = 3,
): { read: number; inVain: number } {
  const presumption = new Presumption();
  const begun: boolean[] = [];
  const result = { read: 0, inVain: 0 };
  for (let batch = 0; batch < batches + inFlight; batch += 1) {
    const ended = batch - inFlight;
    if (ended >= 0) {
      const presumed = begun[ended] === true;
      const changed = isEqual(ended) && !presumed ? 0 : BATCH;
      presumption.add(BATCH, { changed, presumed });
      result.read += presumed ? 0 : BATCH;
      result.inVain += isEqual(ended) && presumed ? BATCH : 0;
    }
    if (batch < batches) {
      begun.push(presumption.take(BATCH));
    }
  }
  return result;
}

test("where all differs, little of the destination is read", () => {
  const { read } = copied(1024, () => false);
  assert.ok(read < 100 * MIB, `${read / MIB} MiB of 2048`);
  assert.deepEqual(
    copied(16, () => false),
    { read: 32 * MIB, inVain: 0 },
  );
});

test("where something is equal, little is written in vain", () => {
  for (const equal of [1, 2, 5, 15])
    assert.equal(copied(1000, (batch) => batch % 16 === equal).inVain, 0, "all is read");
  // After a run of any length, at most a quarter of it, and what is in flight.
  for (const length of [17, 20, 40, 64, 100, 500, 900]) {
    const { read, inVain } = copied(length + 300, (batch) => batch >= length);
    assert.ok(
      inVain <= Math.min((length * BATCH) / 4, 256 * MIB) + 3 * BATCH,
      `${inVain} after ${length}`,
    );
    assert.ok(read > 170 * BATCH, "all of the rest is read");
  }
});

/** The bytes of the requests with this command. */
function bytesOf(requests: readonly NbdRequest[], command: number): number {
  const those = requests.filter((request) => request.command === command);
  return those.reduce((sum, { length }) => sum + length, 0);
}

test("a copy over an export reads some of it, and all of it for a change map", async (t) => {
  const source = join(scratch(t), "source");
  const size = 48 * MIB;
  writeFileSync(source, Buffer.alloc(size, 1));
  for (const [options, readsAll] of [
    [[], false],
    [["--map"], true],
  ] as const) {
    const { uri, requests } = await fakeNbd(t, { size, flags: FLAG.flush });
    const outcome = await run(["sync", "-v", ...options, source, uri]);
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    assert.match(outcome.stderr, /reads or writes in flight: 16/);
    assert.equal(bytesOf(requests, NBD.write), size);
    const read = bytesOf(requests, NBD.read);
    assert.equal(read === size, readsAll, `${read / MIB} MiB read`);
    assert.ok(read >= 32 * MIB);
  }
});
