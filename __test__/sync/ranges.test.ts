// A copy of what a range map says, which is read here and used where the destination is.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { encodeRangeList, MAX_EXTENTS, RangeListDecoder } from "../../src/protocol/range-list.ts";
import { ProtocolError } from "../../src/protocol/error.ts";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import { lackingHosts, sync } from "../support/hosts/hosts.ts";
import { dirty, nbd } from "../support/wire/range-maps.ts";
import { assertSynced, bytesSent, changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";

const skip = lackingHosts;

test("only what the range map has, in whole blocks", async (t) => {
  const { folder, from, to } = pair(t);
  const map = join(folder, "map");
  writeFileSync(map, nbd(dirty(0, 1), dirty(17 * BLOCK + 5, 1)));
  for (const options of [[], ["--verify=written"]]) {
    writeFileSync(to, changedIn(SOURCE, 0, 17, 30));
    const outcome = await run(["sync", ...options, "--ranges", map, from, to]);
    assertSynced(outcome, to, changedIn(SOURCE, 30));
  }
});

test("the change map of ranges shows single blocks", async (t) => {
  const { folder, from, to } = pair(t, { destination: changedIn(SOURCE, 0, 17, 30) });
  const ranges = join(folder, "ranges");
  writeFileSync(ranges, `0 ${SOURCE.length}\n`);
  const { code, stderr } = await run(["sync", "--map", "--ranges", ranges, from, to]);
  assert.equal(code, EXIT.ok, stderr);
  // A block is 13.7 cells.
  const changed = stderr.replace(/.*changed: ░.*/, "").match(/[░▒▓█]/g) ?? [];
  assert.ok(changed.length > 38 && changed.length < 48, stderr);
});

test("ranges of any length, up to an end that is not that of a block", async (t) => {
  const { folder, from, to } = pair(t, { destination: changedIn(SOURCE, 0, 17, 30) });
  const map = join(folder, "map");
  writeFileSync(map, `${25 * BLOCK} ${SOURCE.length}\n0 1\n${14 * BLOCK - 1} 2\n`);
  for (const options of [[], ["--sparse"], ["--verify=written"]])
    assertSynced(
      await run(["sync", ...options, "--ranges", map, from, to]),
      to,
      changedIn(SOURCE, 17),
    );
});

test("a destination that may grow gets all that follows its end, whatever the range map has", async (t) => {
  const { folder, from, to } = pair(t);
  const map = join(folder, "map");
  writeFileSync(map, "0 1\n");
  const old = readFileSync(to).subarray(0, 20 * BLOCK + 5);
  for (const options of [["--create"], ["--truncate"], ["--truncate", "--streams", "2"]]) {
    writeFileSync(to, old);
    const outcome = await run(["sync", "-q", ...options, "--ranges", map, from, to]);
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    const copied = Buffer.concat([old, SOURCE.subarray(old.length)]);
    SOURCE.copy(copied, 0, 0, BLOCK);
    assertSame(readFileSync(to), copied, options.join(" "));
  }
});

test("a range map on standard input, and one without ranges", async (t) => {
  const { from, to } = pair(t);
  const args = ["sync", "--ranges", "-", from, to];
  assertSynced(await run(args, { stdin: Buffer.from("[]") }), to, changedIn(SOURCE, 0, 17, 30));
  const stdin = Buffer.from("0 1\n");
  const dry = await run(["sync", "-n", ...args.slice(1)], { stdin });
  assert.equal(dry.code, EXIT.ok, dry.stderr);
  assert.match(dry.stdout.toString(), /^1 block \(128\.00 KiB\) differs/);
  assertSynced(await run(args, { stdin }), to, changedIn(SOURCE, 17, 30));
  assertFailed(
    await run(args, { stdin: Buffer.alloc(0) }),
    EXIT.usage,
    "sync",
    /range map .*: it is empty/,
  );
});

test("a range map that no pipe holds", async (t) => {
  const { folder, from, to } = pair(t);
  const map = join(folder, "map");
  // Each a range of its own: 2.2 MB on their way.
  const lines = Array.from({ length: 140_000 }, (_, index) => `${index * 20} 1`);
  writeFileSync(map, lines.join("\n"));
  // By the stages.
  const args = ["sync", "-v", "--verify=written", "--ranges", map];
  const outcome = await run([...args, from, to]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assertSame(readFileSync(to), changedIn(SOURCE, 30));
  // A missing destination is reported before the map is read.
  const missing = await run([...args, from, join(folder, "missing")]);
  assertFailed({ ...missing, stderr: lastOf(missing.stderr) }, EXIT.missing, "sync", /missing/);
});

const lastOf = (text: string): string => `${text.trimEnd().split("\n").at(-1)}\n`;

test("sizes are compared as without it; what grows is sent where the range map reaches there", async (t) => {
  const short = changedIn(SOURCE, 0, 17, 30).subarray(0, -1);
  const { folder, from, to } = pair(t, { destination: short });
  const map = join(folder, "map");
  writeFileSync(map, `0 ${SOURCE.length}\n`);
  const args = ["sync", "--ranges", map];
  assertFailed(await run([...args, from, to]), EXIT.usage, "sync", /bytes and the destination/);
  assertSame(readFileSync(to), short);
  const made = join(folder, "made");
  assertSynced(await run([...args, "--create", from, made]), made);
  const dry = await run([...args, "-n", "--create", from, join(folder, "other")]);
  assert.match(dry.stdout.toString(), /^41 blocks /);
});

test("several streams share the ranges and the audit, and find the same as one", async (t) => {
  const source = noise("shared", 40 * 2 ** 20 + 777);
  const changed = [0, 3, 40, 100, 200, 250, 300, 319].map((block) => block * BLOCK);
  const lines = [0, 3, 100, 101, 200, 250, 319].map((block) => `${block * BLOCK + 3} 9`);
  const results: (string[] | null)[] = [];
  for (const streams of ["1", "3"]) {
    const destination = Buffer.from(source.subarray(0, -700));
    for (const offset of changed) destination[offset] = (destination[offset] ?? 0) ^ 1;
    const { folder, from, to } = pair(t, { source, destination });
    const map = join(folder, "map");
    // The last one reaches beyond the end of the destination.
    writeFileSync(map, [...lines, `${source.length - 800} 500`].join("\n"));
    const args = ["--streams", streams, "--ranges", map, "--audit", "100%", "--truncate"];
    const outcome = await run(["sync", ...args, from, to]);
    // It repairs the two blocks that the map does not have.
    assert.equal(outcome.code, EXIT.incompleteMap, outcome.stderr);
    assertSame(readFileSync(to), source);
    results.push(
      outcome.stderr.match(/\d+ blocks .* were replaced|audit, part .*|the first at offset \d+/g),
    );
  }
  assert.equal(results[0]?.length, 3);
  assert.deepEqual(results[1], results[0]);
});

test("several streams take only what the range map has", async (t) => {
  const source = noise("few", 40 * 2 ** 20);
  const destination = Buffer.from(source.map((byte) => byte ^ 1));
  const { folder, from, to } = pair(t, { source, destination });
  const map = join(folder, "map");
  const ranges = [0, 5, 70, 71, 72, 199, 310].map((block) => block * BLOCK);
  writeFileSync(map, ranges.map((offset) => `${offset} 1`).join("\n"));
  const expected = Buffer.from(destination);
  for (const offset of ranges) source.copy(expected, offset, offset, offset + BLOCK);
  assertSynced(await run(["sync", "--streams", "4", "--ranges", map, from, to]), to, expected);
});

test("options that exclude it", async (t) => {
  const { folder, from, to } = pair(t);
  const map = join(folder, "map");
  writeFileSync(map, "0 x\n");
  const refused: [RegExp, string[]][] = [
    [/cannot be used with --start/, ["--start", "0"]],
    [/cannot be used with --end/, ["--end", "1M"]],
    [/--digest-cache does not work with --ranges/, ["--digest-cache", join(folder, "digests")]],
    [/line 1: /, []],
  ];
  for (const [message, options] of refused)
    assertFailed(
      await run(["sync", "--ranges", map, ...options, from, to]),
      EXIT.usage,
      "sync",
      message,
    );
  const kept = ["--digest-cache", join(folder, "digests")];
  for (const [message, options] of [
    [
      /--digest-cache does not work with --start: it has the digests of a whole file/,
      [...kept, "--start", "0"],
    ],
    [
      /--digest-cache does not work with --end: it has the digests of a whole file/,
      [...kept, "--end", "1M"],
    ],
    [/--end 1048576 must be greater than --start 2097152/, ["--start", "2M", "--end", "1M"]],
  ] as const)
    assertFailed(await run(["sync", ...options, from, to]), EXIT.usage, "sync", message);
  const missing = await run(["sync", "--ranges", `${map}.missing`, from, to]);
  assertFailed(missing, EXIT.usage, "sync", /map .* cannot be opened \(ENOENT\)/);
});

test("the range map is here, the destination there", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const map = join(folder, "map");
  const lines = Array.from({ length: 140_000 }, (_, index) => `${index * 20} 1`);
  writeFileSync(map, lines.join("\n"));
  const args = ["--compress", "none", "--bwlimit", "100M", "--ranges", map];
  const sent = bytesSent(await sync([...args, from, `one:${to}`]));
  assert.ok(sent > 2 * BLOCK && sent < 3 * BLOCK, `${sent}`);
  assertSame(readFileSync(to), changedIn(SOURCE, 30));
});

test("from there to there", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const map = join(folder, "map");
  writeFileSync(map, `${30 * BLOCK} 1\n`);
  const args = ["--ranges", map, `two:${from}`, `one:${to}`];
  assertSynced(await sync(args), to, changedIn(SOURCE, 0, 17));
});

/** Decodes what {@link encodeRangeList} writes. */
function decoded(bytes: Buffer): { start: number; end: number }[] {
  const decoder = new RangeListDecoder(bytes.subarray(0, 8));
  const extents = decoder.extents(bytes.subarray(8, 8 + 16 * decoder.count));
  decoder.end(bytes.subarray(8 + 16 * decoder.count));
  return extents;
}

test("a range list decodes to what was encoded; a damaged one is refused", () => {
  const offset = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const extent = fc
    .tuple(offset, offset)
    .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }));
  fc.assert(
    fc.property(fc.array(extent, { maxLength: 50 }), fc.nat(), (extents, place) => {
      const bytes = Buffer.concat([...encodeRangeList(extents)]);
      assert.deepEqual(decoded(bytes), extents);
      const at = place % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (place % 8));
      assert.throws(() => decoded(bytes), Error);
    }),
    { numRuns: 200 },
  );
});

test("a range list cannot ask for more memory than its limit", () => {
  const header = Buffer.from("rngs\0\0\0\0");
  header.writeUInt32BE(MAX_EXTENTS + 1, 4);
  assert.throws(() => new RangeListDecoder(header), ProtocolError);
  header.writeUInt32BE(MAX_EXTENTS, 4);
  assert.equal(new RangeListDecoder(header).count, MAX_EXTENTS);
  for (const [start, end] of [
    [5n, 4n],
    [0n, 2n ** 53n],
  ] as const) {
    const bytes = Buffer.alloc(16);
    bytes.writeBigUInt64BE(start);
    bytes.writeBigUInt64BE(end, 8);
    assert.throws(() => new RangeListDecoder(header).extents(bytes), /has a range from/);
  }
});

test("a list of ranges that is cut off, or is not a list, is refused before anything is written", async (t) => {
  const { to } = pair(t);
  const before = readFileSync(to);
  const list = Buffer.concat([...encodeRangeList([{ start: 0, end: 1 }])]);
  const damaged = Buffer.from(list).fill(9, 10, 12);
  for (const stdin of [list.subarray(0, 11), damaged, noise(1, 50)]) {
    const { code, stderr } = await run(["receive", "--preface", to], { stdin });
    assert.equal(code, EXIT.protocol, stderr);
    assert.match(stderr, /"event":"error".*list of ranges/);
    assertSame(readFileSync(to), before);
  }
});
