// Any source, any destination, however digested, cut into blocks and compressed: the copy is what the model says.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { assertSame } from "../support/files/bytes.ts";
import { assertCopied, pipeline } from "../support/programs/cli.ts";
import { noise, scratch, text, writeSparse } from "../support/files/files.ts";
import { copied } from "../support/wire/copy-model.ts";

/** Under load the runs that were finished by then count. */
const BUDGET_MS = 25_000;

const piece = fc
  .record({
    kind: fc.constantFrom("noise", "text", "zeros"),
    seed: fc.integer({ min: 0, max: 9 }),
    length: fc.integer({ min: 1, max: 200_000 }),
  })
  .map(({ kind, seed, length }) =>
    kind === "zeros"
      ? Buffer.alloc(length)
      : kind === "noise"
        ? noise(seed, length)
        : text(seed, length),
  );
const content = fc.array(piece, { maxLength: 4 }).map((pieces) => Buffer.concat(pieces));

const copy = fc.record({
  before: content,
  middle: fc.tuple(content, content),
  after: content,
  digest: fc.constantFrom("sha3-512", "blake3"),
  blockSize: fc.constantFrom("4K", "8K", "128K", "1M", "16M"),
  method: fc.constantFrom("none", "lz4", "zstd", "zstd:19", "lzma", "auto"),
  options: fc.subarray(["--sparse", "--verify=written"]),
  holes: fc.boolean(),
});

test("an extended copy makes of the destination what the model says", async (t) => {
  const folder = scratch(t);
  let count = 0;
  const property = fc.asyncProperty(copy, async ({ before, middle, after, holes, ...how }) => {
    const [source, destination] = middle.map((part) => Buffer.concat([before, part, after]));
    assert.ok(source && destination);
    const [from, to] = [join(folder, `source-${count}`), join(folder, `destination-${count}`)];
    count += 1;
    (holes ? writeSparse : writeFileSync)(from, source);
    (holes ? writeSparse : writeFileSync)(to, destination);
    const checksum = ["--extended", "--digest", how.digest, "--block-size", how.blockSize];
    const retrieve = ["--compress", how.method];
    assertCopied(
      await pipeline({ source: from, destination: to, checksum, retrieve, save: how.options }),
    );
    assertSame(readFileSync(to), copied(source, destination, { start: 0 }));
    assertSame(readFileSync(from), source, "the source");
  });
  await fc.assert(property, { numRuns: 12, interruptAfterTimeLimit: BUDGET_MS });
});
