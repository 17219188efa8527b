// checksum --ranges: exactly the blocks that the range map names are hashed, whatever its format; what is not understood is refused.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import {
  assertCopied,
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  EXIT,
  pipeline,
  quote,
  run,
} from "../support/programs/cli.ts";
import { start } from "../support/programs/pipe.ts";
import { assertSame } from "../support/files/bytes.ts";
import { MAX_EXTENTS } from "../../src/protocol/range-list.ts";
import { MapText } from "../../src/ranges/map-text.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import {
  blocksOf,
  dirty,
  type Extent,
  hashBlocks,
  nbd,
  thinDelta,
} from "../support/wire/range-maps.ts";

const SIZE = 10 * BLOCK + 1000;
const content = noise("ranges", SIZE);

interface Setup {
  file: string;
  map: string;
  folder: string;
}

function setUp(t: TestContext, text: string | Buffer, bytes = content): Setup {
  const folder = scratch(t);
  const setup = { folder, file: join(folder, "file"), map: join(folder, "map") };
  writeFileSync(setup.file, bytes);
  writeFileSync(setup.map, text);
  return setup;
}

/** Asserts that `checksum --ranges` of a range map writes the frames of these blocks. */
async function assertBlocks(
  t: TestContext,
  text: string,
  blocks: readonly number[],
  rest = false,
): Promise<void> {
  const { file, map } = setUp(t, text);
  const outcome = await run(["checksum", file, "--ranges", map]);
  assertSucceeded(outcome);
  assertSame(outcome.stdout, hashBlocks(content, blocks, rest));
}

const UNDERSTOOD: Record<string, [map: string, blocks: number[], rest?: boolean]> = {
  "lines, unordered, overlapping, with units and comments": [
    "# changed\n\n1M 1\r\n  0 1\n\t256K\t128K\n256KiB 256s\n0 0",
    [0, 2, 8],
  ],
  "lines around the edges of blocks": [`${BLOCK - 1} 2\n${4 * BLOCK} ${BLOCK}`, [0, 1, 4]],
  "comments alone": ["# nothing has changed\n", []],
  "a range up to the end": [`${10 * BLOCK} 1000`, [10]],
  "a range over the end": [`${10 * BLOCK} 1001`, [10], true],
  "a range after the end": [`0 1\n1T 1`, [0], true],
  "a range without length after the end": ["0 1\n1T 0", [0]],
  "a range up to 2^53-1": ["0 9007199254740991", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], true],
  thin_delta: [
    thinDelta(
      '<same begin="0" length="2"/><different begin="2" length="3"/><left_only begin="8" length="1"/><right_only begin="20" length="9"/>',
    ),
    [1, 2, 4, 10],
    true,
  ],
  "thin_delta without differences": [thinDelta(""), []],
  "thin_delta --verbose": [
    thinDelta(
      '<same><range begin="0" data_begin="9" length="2"/></same><different><range begin="2" left_data_begin="9" right_data_begin="7" length="2"/></different>',
    ),
    [1],
  ],
  "an empty array": [" [ ]\n", []],
  "a dirty bitmap": [nbd([0, BLOCK, 0, "clean"], [BLOCK, BLOCK, 1, "dirty"]), [1]],
  "allocation depth": [
    nbd(
      [0, BLOCK, 0, "absent"],
      [BLOCK, BLOCK, 1, "local"],
      [2 * BLOCK, BLOCK, 2, "backing depth 2"],
      [3 * BLOCK, BLOCK, 0, "unallocated"],
    ),
    [1],
  ],
  allocation: [
    nbd(
      [0, BLOCK, 0, "data"],
      [BLOCK, BLOCK, 1, "hole"],
      [2 * BLOCK, BLOCK, 2, "zero"],
      [3 * BLOCK, 2 ** 50, 3, "hole,zero"],
    ),
    [0, 1, 2],
  ],
  "qemu-img before 6.1": [
    JSON.stringify([
      { start: 0, length: BLOCK, depth: 0, zero: false, data: true, offset: 0 },
      { start: BLOCK, length: BLOCK, depth: 1, zero: false, data: true, offset: 0 },
      { start: 2 * BLOCK, length: BLOCK, depth: 0, zero: false, data: false },
      { start: 3 * BLOCK, length: BLOCK, depth: 0, zero: true, data: false },
    ]),
    [0, 3],
  ],
  "braces, quotes and backslashes in the names of files": [
    JSON.stringify(
      ["a}b", 'a"}, {"b', "a\\"].map((filename, index) => ({
        start: 2 * index * BLOCK,
        length: BLOCK,
        depth: 0,
        zero: false,
        data: true,
        filename,
      })),
    ),
    [0, 2, 4],
  ],
};

for (const [name, [map, blocks, rest]] of Object.entries(UNDERSTOOD))
  test(`understood: ${name}`, (t) => assertBlocks(t, map, blocks, rest));

test("the range map comes from standard input or a pipe of the shell", async (t) => {
  const { file } = setUp(t, "");
  const stdin = Buffer.from("128K 1");
  const piped = await run(["checksum", file, "--ranges", "-"], { stdin });
  assertSucceeded(piped);
  assertSame(piped.stdout, hashBlocks(content, [1]));
  const outcome = await bash(`${blockcopy("checksum", file)} --ranges <(echo 128K 1) | cat`);
  assertSame(outcome.stdout, hashBlocks(content, [1]));
});

test("a redirected file takes a range map, a pipe does not", async (t) => {
  const { file, map } = setUp(t, "0 1");
  const script = `${blockcopy("checksum", "-", "--ranges", map)} < ${quote([file])} | cat`;
  assertSame((await bash(script)).stdout, hashBlocks(content, [0]));
  const piped = await run(["checksum", "-", "--ranges", map], { stdin: content });
  assertFailed(piped, EXIT.usage, "checksum", /--ranges cannot be used on a pipe/);
  assert.equal(piped.stdout.length, 0);
});

test("options that exclude each other are refused", async (t) => {
  const { file, map, folder } = setUp(t, "0 1");
  for (const option of ["--start", "--end"]) {
    const outcome = await run(["checksum", file, "--ranges", map, option, "1"]);
    assertFailed(outcome, EXIT.usage, "checksum", /--ranges cannot be used with --start or --end/);
  }
  assertFailed(
    await run(["checksum", "-", "--ranges", "/dev/stdin"], { stdin: content }),
    EXIT.usage,
    "checksum",
    /cannot both be standard input/,
  );
  assertFailed(
    await run(["checksum", file, "--ranges", join(folder, "missing")]),
    EXIT.usage,
    "checksum",
    /missing cannot be opened \(ENOENT\)/,
  );
  assertFailed(
    await run(["checksum", file, "--ranges", folder]),
    EXIT.io,
    "checksum",
    /reading the range map .*EISDIR/,
  );
});

test("a map may be of any length", async (t) => {
  const { file } = setUp(t, "");
  const comments = `${"#".repeat(2 ** 20)}\n`.repeat(100);
  const outcome = await run(["checksum", file, "--ranges", "/dev/stdin"], {
    stdin: Buffer.from(`${comments}0 1\n`),
  });
  assertSucceeded(outcome);
  const endless = await run(["checksum", file, "--ranges", "/dev/zero"]);
  assertFailed(endless, EXIT.usage, "checksum", /line 1: it is longer than 4096 characters/);
});

test("a million ranges take little memory", async (t) => {
  const count = 2 ** 20;
  const { file, map } = setUp(t, "");
  writeFileSync(map, Array.from({ length: count }, (_, at) => `${2 * (count - at)} 1\n`).join(""));
  const running = start(t, ["checksum", file, "--ranges", map], {});
  let kibibytes = 0;
  const timer = setInterval(() => {
    const [, most] = /^VmHWM:\s*(\d+)/m.exec(statusOf(running.pid)) ?? [];
    kibibytes = Math.max(kibibytes, Number(most ?? 0));
  }, 20);
  const { code } = await running.ended;
  clearInterval(timer);
  assert.equal(code, 0, running.stderr());
  assert.ok(kibibytes > 0 && kibibytes < 190 * 1024, `${kibibytes} KiB`);
});

test("a map with more ranges than can be passed on is refused", () => {
  const map = new MapText("the map");
  for (let at = 0; at < MAX_EXTENTS; at += 1) map.add({ start: 2 * at, end: 2 * at + 1 });
  assert.throws(() => map.add({ start: 0, end: 1 }), /^UsageError: the map has more than 4194304 /);
});

/** Reads the status of a process; an empty string if it has ended. */
function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "latin1");
  } catch {
    return "";
  }
}

test("-v says how much is scanned, and progress counts it", async (t) => {
  const { file, map } = setUp(t, "0 1\n1M 1");
  const outcome = await run(["checksum", file, "--ranges", map, "-v", "--progress"]);
  assert.equal(outcome.code, 0);
  assert.match(outcome.stderr, new RegExp(`${2 * BLOCK} of ${SIZE} bytes in 2 ranges`));
  assert.match(outcome.stderr, /\(100\.00%\)/);
});

test("a copy sends the ranges alone, and what lies after the end of a shorter destination", async (t) => {
  const { file, map, folder } = setUp(t, `${BLOCK} ${BLOCK}\n${8 * BLOCK} 1\n${20 * BLOCK} 1`);
  const source = join(folder, "source");
  const bytes = noise("source", 22 * BLOCK);
  writeFileSync(source, bytes);
  assertCopied(await pipeline({ source, destination: file, checksum: ["--ranges", map] }));
  const expected = Buffer.concat([content, bytes.subarray(SIZE)]);
  for (const block of [1, 8])
    bytes.copy(expected, block * BLOCK, block * BLOCK, (block + 1) * BLOCK);
  assertSame(readFileSync(file), expected);
});

const anyOffset = fc.oneof(
  fc.integer({ min: 0, max: SIZE + 2 * BLOCK }),
  fc.integer({ min: 0, max: 12 }).map((block) => block * BLOCK),
);

test("any ranges: the frames are those of the blocks that they touch", async (t) => {
  const { file, map } = setUp(t, "");
  const anyExtent: fc.Arbitrary<Extent> = fc.record({
    offset: anyOffset,
    length: fc.oneof(fc.integer({ min: 0, max: 3 * BLOCK }), fc.constantFrom(0, 1, BLOCK)),
  });
  const property = fc.asyncProperty(
    fc.array(anyExtent, { maxLength: 6 }),
    fc.constantFrom("lines", "nbdinfo"),
    async (extents, format) => {
      const text =
        format === "lines"
          ? ["#", ...extents.map(({ offset, length }) => `${offset} ${length}`)].join("\n")
          : nbd(...extents.map(({ offset, length }) => dirty(offset, length)));
      writeFileSync(map, text);
      const outcome = await run(["checksum", file, "--ranges", map]);
      assertSucceeded(outcome);
      const rest = extents.some(({ offset, length }) => length > 0 && offset + length > SIZE);
      assertSame(outcome.stdout, hashBlocks(content, blocksOf(extents, SIZE), rest));
    },
  );
  await fc.assert(property, { numRuns: 10, interruptAfterTimeLimit: 20_000 });
});
