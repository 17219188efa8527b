// Blocks of another size than 128 KiB: any of the three stages cuts the same blocks, and nothing else changes.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertCopied,
  assertFailed,
  assertSucceeded,
  EXIT,
  lastLine,
  pipeline,
  run,
} from "../support/programs/cli.ts";
import { noise, scratch, text, writeSparse } from "../support/files/files.ts";
import { copied, extents, merged, type Range } from "../support/wire/copy-model.ts";
import { blocksOf, hashBlocks } from "../support/wire/range-maps.ts";
import { FIELD, plainOf, readBlockStream } from "../support/wire/records.ts";
import { rootOf, sha3Digests } from "../support/wire/root-digest.ts";
import { afterDone, readTail, TAG, tailFrame, untilDone } from "../support/wire/trailer.ts";
import { dataFrame, DONE, hashStream } from "../support/wire/frames.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** All sizes that a block may have, as they are given. */
const SIZES: readonly [option: string, size: number][] = [
  ...[4, 8, 16, 32, 64, 128, 256, 512].map((n): [string, number] => [`${n}K`, n * KIB]),
  ...[1, 2, 4, 8, 16].map((n): [string, number] => [`${n}MiB`, n * MIB]),
];

/** Options of an extended stream of such blocks. */
function extended(size: number | string, digest = "sha3-512"): string[] {
  return ["--extended", "--digest", digest, "--block-size", String(size)];
}

/** Text, then a hole (more than a batch of small blocks, two large ones), then an end that is not the end of a block. */
function withHole(size: number): Buffer {
  const hole = size < MIB ? 70 + (4 * MIB) / size : 2;
  return Buffer.concat([
    text(size, 3 * KIB + Math.min(size, 2 * MIB)),
    Buffer.alloc(hole * size + 5000),
    noise(size, Math.min(3 * size, 5 * MIB) + 77),
  ]);
}

/**
 * The sizes that take every way to read: the smallest, the largest, and the one that fills a batch. Another one on either side takes
 * one; each size takes a random copy below.
 */
const EXTREMES: readonly number[] = [4 * KIB, MIB, 16 * MIB];
const CHOSEN = SIZES.filter(([, size]) => [...EXTREMES, 64 * KIB, 2 * MIB].includes(size));

for (const [option, size] of CHOSEN) {
  test(`blocks of ${option}: the hash stream of a file, a part of a sparse file and a pipe`, async (t) => {
    const folder = scratch(t);
    const [plain, sparse] = [join(folder, "plain"), join(folder, "sparse")];
    const content = withHole(size);
    if (EXTREMES.includes(size)) {
      writeFileSync(plain, content);
      const outcome = await run(["checksum", plain, ...extended(option)]);
      assertSucceeded(outcome);
      assertSame(plainOf(outcome.stdout), hashStream(content, { block: size }), "the hash stream");
      const piped = await run(["checksum", "-", ...extended(size)], { stdin: content });
      assertSucceeded(piped);
      assertSame(plainOf(piped.stdout), hashStream(content, { rest: false, block: size }));
    }
    writeSparse(sparse, content);
    const limits = { start: 1001, end: content.length - 5 };
    const options = ["--start", "1001", "--end", String(limits.end)];
    const part = await run(["checksum", sparse, ...options, ...extended(option)]);
    assertSucceeded(part);
    assertSame(plainOf(part.stdout), hashStream(content, { ...limits, block: size }));
  });
}

for (const [option, size, from] of [
  ["4K", 4 * KIB, "a sparse file"],
  ["16MiB", 16 * MIB, "a pipe"],
] as const)
  test(`blocks of ${option}: the root of ${from}`, async (t) => {
    const path = join(scratch(t), "file");
    const content = withHole(size);
    writeSparse(path, content);
    const root = rootOf(content.length, "sha3-512", sha3Digests(content, size), size);
    const words = ["checksum", "--root", "--block-size", option];
    const outcome =
      from === "a pipe"
        ? await run([...words, "-"], { stdin: content })
        : await run([...words, path]);
    assertSucceeded(outcome);
    const line = `blockcopy-root sha3-512/${size} ${content.length} ${root}\n`;
    assert.equal(outcome.stdout.toString(), line);
  });

test("blocks of the usual size: a legacy stream, and the usual root", async (t) => {
  const path = join(scratch(t), "file");
  const content = noise(1, 300_000);
  writeFileSync(path, content);
  const usual = await run(["checksum", "--root", path]);
  for (const option of ["131072", "256s"]) {
    const outcome = await run(["checksum", path, "--block-size", option]);
    assertSucceeded(outcome);
    assert.deepEqual(outcome.stdout, hashStream(content));
    const named = await run(["checksum", "--root", "--block-size", option, path]);
    assert.deepEqual(named.stdout, usual.stdout);
  }
});

for (const [option, size] of CHOSEN)
  test(`--ranges in blocks of ${option}`, async (t) => {
    const folder = scratch(t);
    const [path, map] = [join(folder, "file"), join(folder, "map")];
    const content = noise(size, Math.min(9 * size, 2 * size + 5 * MIB) + 9);
    const last = content.length - 1;
    writeFileSync(path, content);
    const maps = [
      [
        { offset: size, length: size },
        { offset: last, length: 1 },
      ],
      [{ offset: size - 1, length: 2 }],
      [{ offset: last, length: 2 }],
    ];
    for (const ranges of EXTREMES.includes(size) ? maps : maps.slice(0, 1)) {
      writeFileSync(map, ranges.map(({ offset, length }) => `${offset} ${length}`).join("\n"));
      const outcome = await run(["checksum", path, "--ranges", map, ...extended(option)]);
      assertSucceeded(outcome);
      const rest = ranges.some(({ offset, length }) => offset + length > content.length);
      const blocks = blocksOf(ranges, content.length, size);
      assertSame(plainOf(outcome.stdout), hashBlocks(content, blocks, rest, size));
    }
  });

/** Sizes of files that end at, before or after the end of a block or a batch. */
function sizesAround(block: number): fc.Arbitrary<number> {
  const most = Math.max(Math.floor((5 * MIB) / block), 2);
  return fc
    .record({
      blocks: fc.oneof(fc.integer({ min: 0, max: most }), fc.constantFrom(0, 1, 2, most)),
      odd: fc.oneof(fc.constantFrom(-1, 0, 0, 1), fc.integer({ min: 0, max: 5000 })),
    })
    .map(({ blocks, odd }) => Math.max(0, blocks * block + odd));
}

const anyCopy = (block: number) =>
  fc.record({
    sizes: fc.tuple(sizesAround(block), sizesAround(block)),
    /** The place where both have zeros, as a fraction. */
    hole: fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 3 * MIB })),
    /** The places where the destination has a byte of its own, as fractions. */
    changes: fc.array(fc.double({ min: 0, max: 0.999_999, noNaN: true }), { maxLength: 6 }),
    start: fc.constantFrom(0, 0, 0, 1, 4096, 70_001),
    cut: fc.boolean(),
  });

for (const [option, block] of SIZES)
  test(`blocks of ${option}: only the blocks that differ travel, and the copy is what the model says`, async (t) => {
    const folder = scratch(t);
    let count = 0;
    // The hash streams of the chosen sizes are compared above.
    const digest = CHOSEN.some(([, size]) => size === block) ? "blake3" : "sha3-512";
    const property = fc.asyncProperty(
      anyCopy(block),
      async ({ sizes, hole, changes, start, cut }) => {
        const common = noise("any", Math.max(...sizes));
        const begin = Math.floor(hole[0] * common.length);
        common.subarray(begin, begin + hole[1]).fill(0);
        const source = common.subarray(0, sizes[0]);
        const destination = Buffer.from(common.subarray(0, sizes[1]));
        for (const at of changes) {
          const index = Math.floor(at * destination.length);
          destination[index] = (destination[index] ?? 0) ^ 1;
        }
        count += 1;
        const [from, to] = [join(folder, `source-${count}`), join(folder, `destination-${count}`)];
        writeSparse(from, source);
        writeSparse(to, destination);
        const range: Range = { start: Math.min(start, destination.length) };
        if (cut && destination.length > range.start + 1) range.end = destination.length - 1;
        const limits = [
          ...(range.start === 0 ? [] : ["--start", `${range.start}`]),
          ...(range.end === undefined ? [] : ["--end", `${range.end}`]),
        ];
        const hashes = await run(["checksum", to, ...limits, ...extended(block, digest)]);
        assertSucceeded(hashes);
        if (digest === "sha3-512")
          assertSame(plainOf(hashes.stdout), hashStream(destination, { ...range, block }));
        const blocks = await run(["retrieve", from], { stdin: hashes.stdout });
        assertSucceeded(blocks);
        const { records, root: seal } = readBlockStream(blocks.stdout);
        assert.deepEqual(
          merged(records.map((record) => ({ position: record.position, length: record.block }))),
          merged(extents(source, destination, range, block, true)),
        );
        // Only a root of all of the source can be verified.
        const provable = range.start === 0 && range.end === undefined && source.length > 0;
        const root = seal.get(FIELD.root.root);
        if (provable) assert.equal(root?.readUInt32BE(), block);
        const verify = provable ? ["--verify=full"] : [];
        assertSucceeded(await run(["save", to, ...verify], { stdin: blocks.stdout }));
        assertSame(readFileSync(to), copied(source, destination, range), "the destination");
      },
    );
    await fc.assert(property, { numRuns: 1 });
  });

// More than a batch of small blocks, and more than one large block. xz is slow on text, so little of the content is text.
for (const [option, between, over] of [
  ["4K", 2 * MIB, "an empty destination"],
  ["16M", 15 * MIB, "a longer one"],
] as const)
  test(`blocks of ${option}: a copy of all, with --lzma, over ${over}`, async (t) => {
    const folder = scratch(t);
    const [source, destination] = [join(folder, "source"), join(folder, "destination")];
    const content = Buffer.concat([
      text(option, MIB),
      Buffer.alloc(between, 7),
      text(`${option} ends`, MIB + 5),
    ]);
    writeFileSync(source, content);
    const length = over === "a longer one" ? content.length + 3 * MIB : 0;
    writeFileSync(destination, Buffer.alloc(length));
    const checksum = extended(option, "blake3");
    const save = ["--verify=full", "--truncate"];
    assertCopied(await pipeline({ source, destination, checksum, retrieve: ["--lzma"], save }));
    assertSame(readFileSync(destination), content);
  });

test("--verify=full of a root over blocks of a size that none have is not begun", async (t) => {
  const folder = scratch(t);
  const [source, path] = [join(folder, "source"), join(folder, "destination")];
  const content = noise(1, 10_000);
  writeFileSync(source, content);
  const hashes = Buffer.concat([Buffer.from("rest"), Buffer.alloc(8), DONE]);
  const { stdout } = await run(["retrieve", source], { stdin: hashes });
  const { fields } = readTail(afterDone(stdout));
  for (const size of [2048, 5000, 131_072]) {
    writeFileSync(path, "");
    fields.get(TAG.root)?.writeUInt32BE(size);
    const stdin = Buffer.concat([dataFrame(0, content), DONE, tailFrame([...fields])]);
    const outcome = await run(["save", "--verify=full", path], { stdin });
    if (size === 131_072) assertSucceeded(outcome);
    else assertFailed(outcome, EXIT.protocol, "save", /lacks the root digest of the source/);
  }
  assert.ok(untilDone(stdout).length > content.length);
});

/** Runs `checksum` of a small file, and asserts that it is refused with nothing written. */
async function assertRefused(
  t: TestContext,
  { options, wire = "" }: { options: readonly string[]; wire?: string },
  ...patterns: RegExp[]
): Promise<void> {
  const path = join(scratch(t), "file");
  writeFileSync(path, noise(1, 5000));
  const env = { BLOCKCOPY_WIRE: wire };
  const outcome = await run(["checksum", path, ...options], { env });
  assertFailed(outcome, EXIT.usage, "checksum", ...patterns);
  assert.equal(outcome.stdout.length, 0);
}

for (const [mode, value] of [
  ...["3K", "2K", "32M", "5000", "0", "128KB"].map((each) => ["--extended", each] as const),
  ["--root", "4097"],
] as const)
  test(`${mode} --block-size ${value} is refused`, (t) =>
    assertRefused(
      t,
      { options: [mode, "--block-size", value] },
      /--block-size/,
      /a power of two from 4K to 16M/,
    ));

test("a block size that is not a number is refused", async (t) => {
  for (const value of ["", "-4096"])
    await assertRefused(t, { options: ["--extended", `--block-size=${value}`] }, /--block-size/);
  const missing = await run(["checksum", "file", "--extended", "--block-size"]);
  assert.equal(missing.code, EXIT.usage);
  assert.match(lastLine(missing.stderr), /^ERROR /);
});

test("another size is only for the extended stream and the root", async (t) => {
  const options = ["--block-size", "64K"];
  await assertRefused(t, { options }, /--block-size 65536 is only for/, /add --extended/);
  for (const digest of [[], ["--digest", "sha3-512"]])
    await assertRefused(
      t,
      { options: [...options, ...digest], wire: "0.0.2" },
      /--block-size 65536 cannot be used with BLOCKCOPY_WIRE=0\.0\.2/,
    );
  await assertRefused(
    t,
    { options: [...options, "--extended"], wire: "0.0.2" },
    /--extended cannot be used with BLOCKCOPY_WIRE=0\.0\.2/,
  );
});
