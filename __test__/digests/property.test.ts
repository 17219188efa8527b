// Any nights, with any changes of either side in between: the destination is what it should be, and what is kept is true.
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { assertTrue } from "../support/files/cache.ts";
import { lastLine, pipeline, EXIT } from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";
import { system } from "../support/programs/tools.ts";

const BLOCK = 4096;

/** Under load the runs that were finished by then count. */
const BUDGET_MS = 30_000;

const size = fc.oneof(
  fc.constantFrom(0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 7 * BLOCK),
  fc.integer({ min: 0, max: 20 * BLOCK }),
);

const change = fc.record({
  at: fc.nat({ max: 20 * BLOCK }),
  length: fc.integer({ min: 1, max: 5 * BLOCK }),
  zeros: fc.boolean(),
});

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

const step = fc.record({
  /** Changes to the source, in place. */
  changes: fc.array(change, { maxLength: 3 }),
  /** Its new size. */
  size: fc.option(size, { freq: 3 }),
  /** Others write to the destination. */
  foreign: fc.option(change, { freq: 4 }),
  /** The file is lost. */
  lost: fc.boolean(),
  cached: fc.constantFrom(true, true, true, false),
  extended: fc.constantFrom(true, true, true, false),
  digest: fc.constantFrom("blake3", "blake3", "sha3-512"),
  save: fc.constantFrom<string[]>(
    [],
    ["--truncate", "--force"],
    ["--sparse"],
    ["--verify=full"],
    ["-t", "-p"],
  ),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function changed(bytes: Buffer, { at, length, zeros }: Change): Buffer {
  const result = Buffer.from(bytes);
  const piece = zeros ? Buffer.alloc(length) : noise(`${at} ${length}`, length);
  piece.copy(result, Math.min(at, Math.max(0, bytes.length - 1)));
  return result;
}

/** The source after a step. */
function nextSource(before: Buffer, { changes, size: length }: Step): Buffer {
  const resized =
    length === null ? before : Buffer.concat([before, noise("more", 20 * BLOCK)], length);
  return changes.reduce(changed, resized);
}

/** The expected destination: the source, and after its end the bytes from before. */
function nextDestination(before: Buffer, source: Buffer, { save }: Step): Buffer {
  return save.includes("--truncate")
    ? source
    : Buffer.concat([source, before.subarray(source.length)]);
}

test("nights of any kind", async (t) => {
  const folder = scratch(t);
  const path = (name: string): string => join(folder, name);
  const [source, destination, cache] = [path("source"), path("destination"), path("cache")];
  const start = fc.record({ source: size, destination: size });
  const steps = fc.array(step, { minLength: 2, maxLength: 5 });
  const property = fc.asyncProperty(start, steps, async (sizes, nights) => {
    let [from, to] = [noise(1, sizes.source), noise(2, sizes.destination)];
    writeFileSync(destination, to);
    rmSync(cache, { force: true });
    /** True if others have changed the destination since the file was written. */
    let stale = false;
    for (const each of nights) {
      from = nextSource(from, each);
      writeFileSync(source, from);
      if (each.foreign !== null && to.length > 0) {
        to = changed(to, each.foreign);
        system("sleep", "0.02");
        writeFileSync(destination, to);
        stale = true;
      }
      if (each.lost) rmSync(cache, { force: true });
      const there = existsSync(cache);
      const digest = ["--block-size", "4K", "--digest", each.digest];
      const extended = each.extended ? ["--extended", ...(there && each.cached ? [] : digest)] : [];
      const used = each.cached && each.extended;
      const outcome = await pipeline({
        source,
        destination,
        checksum: [...extended, ...(used ? ["--cached", cache] : [])],
        save: ["--update-digests", cache, ...each.save],
      });
      if (used && there && stale) {
        assert.equal(outcome.codes[0], EXIT.otherDestination);
        assert.match(lastLine(outcome.stderr[0] ?? ""), /as it is now/);
        assert.ok(readFileSync(destination).equals(to));
        rmSync(cache);
        continue;
      }
      // The stream of blockcopy 0.0.2 proves nothing of a part.
      const unproved = /lacks the root digest of the source/.test(outcome.stderr[2] ?? "");
      assert.deepEqual(outcome.codes, [0, 0, unproved ? 76 : 0], outcome.stderr.join(""));
      to = nextDestination(to, from, each);
      assert.ok(readFileSync(destination).equals(to), "the copy is wrong");
      stale = false;
      if (unproved) {
        assert.ok(!existsSync(cache));
        continue;
      }
      const kept = readFileSync(cache);
      const hello = kept.subarray(0, 60).toString("latin1");
      const name = hello.includes("blake3") ? "blake3" : "sha3-512";
      // Without a header of its own, the stream has what was there before, or else 128 KiB.
      const blockSize = kept.readUInt32BE(kept.indexOf(name) + name.length + 4);
      const options = ["--digest", name, "--block-size", String(blockSize)];
      await assertTrue(cache, destination, options, JSON.stringify(each));
    }
  });
  await fc.assert(property, { numRuns: 5, interruptAfterTimeLimit: BUDGET_MS });
});
