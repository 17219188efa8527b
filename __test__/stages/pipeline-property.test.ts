// Any source, any destination, any range: after the three stages the destination is what the model says, and only
// what had to travel did.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { assertCopied, assertSucceeded, pipeline, run } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch, text, writeSparse } from "../support/files/files.ts";
import { copied, extents, type Range } from "../support/wire/copy-model.ts";
import { decodeBlocks, hashStream } from "../support/wire/frames.ts";

/** Under load the runs that were finished by then count; the limit keeps the whole file below a minute. */
const BUDGET_MS = 25_000;

const anySize = fc.oneof(
  fc.constantFrom(0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK, 5 * BLOCK),
  fc.integer({ min: 0, max: 700_000 }),
);

const piece = fc.record({
  kind: fc.constantFrom("noise", "text", "zeros"),
  seed: fc.integer({ min: 0, max: 9 }),
  length: fc.integer({ min: 1, max: 300_000 }),
});
type Piece = typeof piece extends fc.Arbitrary<infer T> ? T : never;

function pieceBytes({ kind, seed, length }: Piece): Buffer {
  if (kind === "zeros") return Buffer.alloc(length);
  return kind === "noise" ? noise(seed, length) : text(seed, length);
}

/** `size` bytes made of the pieces, over and over. */
function content(pieces: readonly Piece[], length: number): Buffer {
  const once = Buffer.concat(pieces.map(pieceBytes));
  return Buffer.alloc(length, once);
}

const copy = fc
  .record({
    pieces: fc.array(piece, { minLength: 1, maxLength: 4 }),
    sourceSize: anySize,
    destinationSize: anySize,
    /** The places where the destination has bytes of its own, as fractions. */
    changes: fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 0.999, noNaN: true }),
        length: fc.integer({ min: 1, max: 5000 }),
      }),
      { maxLength: 4 },
    ),
    sparse: fc.boolean(),
    lzma: fc.boolean(),
    limits: fc.record({ from: fc.nat(), to: fc.option(fc.nat()), aligned: fc.boolean() }),
  })
  .map(({ pieces, sourceSize, destinationSize, changes, limits, ...rest }) => {
    const source = content(pieces, sourceSize);
    const destination = content(pieces, destinationSize);
    for (const { at, length } of changes) {
      const begin = Math.floor(at * destinationSize);
      for (let i = begin; i < Math.min(begin + length, destinationSize); i++)
        destination[i] = (destination[i] ?? 0) ^ 0x5a;
    }
    return { source, destination, range: rangeWithin(destinationSize, limits), ...rest };
  });

function rangeWithin(
  size: number,
  limits: { from: number; to: number | null; aligned: boolean },
): Range {
  const step = limits.aligned ? 4096 : 1;
  const start = Math.floor((limits.from % (size + 1)) / step) * step;
  if (limits.to === null || start >= size) return { start };
  const end = start + 1 + (limits.to % (size - start));
  return { start, end: limits.aligned ? Math.min(size, Math.ceil(end / step) * step) : end };
}

function rangeArguments({ start, end }: Range): string[] {
  return [
    ...(start === 0 ? [] : ["--start", String(start)]),
    ...(end === undefined ? [] : ["--end", String(end)]),
  ];
}

/** Each run takes one process, or three. */
const parameters = { numRuns: 12, interruptAfterTimeLimit: BUDGET_MS };

test("checksum | retrieve | save makes of the destination what the model says", async (t) => {
  const folder = scratch(t);
  let count = 0;
  const property = fc.asyncProperty(copy, async ({ source, destination, range, sparse, lzma }) => {
    const [sourcePath, path] = ["source", "destination"].map((name) =>
      join(folder, `${name}-${count}`),
    ) as [string, string];
    count += 1;
    const write = sparse ? writeSparse : writeFileSync;
    write(sourcePath, source);
    write(path, destination);
    const stages = {
      source: sourcePath,
      destination: path,
      checksum: rangeArguments(range),
      retrieve: lzma ? ["--lzma"] : [],
    };
    assertCopied(await pipeline(stages));
    assert.ok(
      readFileSync(path).equals(copied(source, destination, range)),
      "the destination is not what it should be",
    );
    assert.ok(readFileSync(sourcePath).equals(source), "the source changed");
  });
  await fc.assert(property, parameters);
});

test("retrieve sends exactly the blocks that differ, in order", async (t) => {
  const path = join(scratch(t), "source");
  const property = fc.asyncProperty(copy, async ({ source, destination, range }) => {
    writeFileSync(path, source);
    const outcome = await run(["retrieve", path], { stdin: hashStream(destination, range) });
    assertSucceeded(outcome);
    const { frames, done } = decodeBlocks(outcome.stdout);
    assert.ok(done);
    assert.deepEqual(
      frames.map(({ position, payload }) => ({ position, length: payload.length })),
      extents(source, destination, range),
    );
    for (const { position, payload } of frames)
      assert.ok(payload.equals(source.subarray(position, position + payload.length)));
  });
  await fc.assert(property, parameters);
});
