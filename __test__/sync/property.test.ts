// Any two files or devices of the same size are equal afterwards, whatever the options.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import fc from "fast-check";
import { assertSucceeded, run } from "../support/programs/cli.ts";
import { lackingDirect } from "../support/files/direct.ts";
import { BLOCK, noise, scratch, text, writeSparse } from "../support/files/files.ts";

/** Under load the runs that were finished by then count; the limit keeps the whole file below a minute. */
const BUDGET_MS = 30_000;

/** Of what is compared together: sizes around it meet the seams. */
const BATCH = 16 * BLOCK;

const anySize = fc.oneof(
  fc.constantFrom(0, 1, 4095, 4097, BLOCK - 1, BLOCK + 1, 4 * BLOCK, BATCH - 1, BATCH, BATCH + 1),
  fc.integer({ min: 0, max: 700_000 }),
  fc.integer({ min: 0, max: 2 * BATCH + 5000 }),
);

const piece = fc.record({
  kind: fc.constantFrom("noise", "text", "zeros"),
  seed: fc.nat({ max: 9 }),
  length: fc.integer({ min: 1, max: 900_000 }),
});

type Piece = typeof piece extends fc.Arbitrary<infer T> ? T : never;

/** `size` bytes made of the pieces, over and over. */
function content(pieces: readonly Piece[], size: number): Buffer {
  const makers = { noise, text, zeros: (_: number, length: number) => Buffer.alloc(length) };
  return Buffer.alloc(
    size,
    Buffer.concat(pieces.map(({ kind, seed, length }) => makers[kind](seed, length))),
  );
}

const pieces = fc.array(piece, { minLength: 1, maxLength: 4 });

/** The destination's own bytes: in places, or everywhere. */
const difference = fc.oneof(
  fc.record({
    pieces: fc.constant(undefined),
    places: fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 0.999, noNaN: true }),
        length: fc.integer({ min: 1, max: 200_000 }),
        zeros: fc.boolean(),
      }),
      { maxLength: 5 },
    ),
  }),
  fc.record({ pieces, places: fc.constant([]) }),
);

const DIRECT = lackingDirect() === false ? ["auto", "on", "off"] : ["auto", "off"];

const options = fc.record({
  "--sparse": fc.boolean(),
  "--direct": fc.option(fc.constantFrom(...DIRECT), { nil: undefined }),
  "--threads": fc.option(fc.constantFrom("1", "3"), { nil: undefined }),
  "--queue-depth": fc.option(fc.constantFrom("1", "2", "32"), { nil: undefined }),
});

const pair = fc
  .record({
    pieces,
    size: anySize,
    difference,
    options,
    holes: fc.tuple(fc.boolean(), fc.boolean()),
  })
  .map(({ size, difference: differs, ...rest }) => {
    const source = content(rest.pieces, size);
    const destination = content(differs.pieces ?? rest.pieces, size);
    for (const { at, length, zeros } of differs.places) {
      const begin = Math.floor(at * size);
      const part = destination.subarray(begin, begin + length);
      if (zeros) part.fill(0);
      else noise(begin, part.length).copy(part);
    }
    return { source, destination, options: words(rest.options), holes: rest.holes };
  });

type Pair = typeof pair extends fc.Arbitrary<infer T> ? T : never;

function words(chosen: Record<string, string | boolean | undefined>): string[] {
  return Object.entries(chosen).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    return value === true ? [name] : [`${name}=${value}`];
  });
}

test("sync makes the destination equal to the source", async (t) => {
  const folder = scratch(t);
  const copy = async (
    name: string,
    { source, destination, holes, ...rest }: Pair,
  ): Promise<void> => {
    const [from, to] = [join(folder, `source ${name}`), join(folder, `destination ${name}`)];
    for (const path of [from, to]) rmSync(path, { force: true });
    (holes[0] ? writeSparse : writeFileSync)(from, source);
    (holes[1] ? writeSparse : writeFileSync)(to, destination);
    assertSucceeded(await run(["sync", from, to, ...rest.options]));
    assertSame(readFileSync(to), source, "the destination");
    assertSame(readFileSync(from), source, "the source");
  };
  // Two at a time: most of a run is the start of the program.
  const property = fc.asyncProperty(pair, pair, async (one, two) => {
    await Promise.all([copy("one", one), copy("two", two)]);
  });
  await fc.assert(property, { numRuns: 16, interruptAfterTimeLimit: BUDGET_MS });
});
