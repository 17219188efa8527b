// Sources with holes: the same streams as from a file without holes, but the holes are not read.
import assert from "node:assert/strict";
import {
  closeSync,
  createReadStream,
  ftruncateSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  EXIT,
  quote,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch, writeSparse } from "../support/files/files.ts";
import { allocated, lackingHoles } from "../support/files/holes.ts";
import { lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountOverlay, mountWithoutExtents } from "../support/files/mount.ts";
import { hasOpened, makePipe, start } from "../support/programs/pipe.ts";
import { DONE, hashStream, restFrame, sha3, unequalHash } from "../support/wire/frames.ts";
import { untilDone } from "../support/wire/trailer.ts";

const PAGE = 4096;
const MIB = 1024 * 1024;
const SIZE = 300 * BLOCK + 4321;

/** Islands of data: at either end of a block, within one, across two, one page and many blocks; holes short and long. */
const ISLANDS: [position: number, length: number][] = [
  [2 * BLOCK, BLOCK],
  [5 * BLOCK + PAGE, PAGE],
  [70 * BLOCK - PAGE, 2 * PAGE],
  [71 * BLOCK + 12_345, 40_000],
  [140 * BLOCK, 9 * BLOCK],
  [215 * BLOCK - PAGE, PAGE],
];
const islands = content(SIZE, ISLANDS);

function content(size: number, data: readonly [position: number, length: number][]): Buffer {
  const result = Buffer.alloc(size);
  for (const [at, length] of data) noise(at, length).copy(result, at);
  return result;
}

/** The same content in a file with holes and in one without. */
function files(t: TestContext, bytes: Buffer): { sparse: string; dense: string } {
  const folder = scratch(t);
  const [sparse, dense] = [join(folder, "sparse"), join(folder, "dense")];
  writeSparse(sparse, bytes);
  writeFileSync(dense, bytes);
  return { sparse, dense };
}

const contents: [what: string, bytes: Buffer][] = [
  ["with islands of data", islands],
  [
    "that begins and ends with data",
    content(SIZE, [
      [0, 1],
      [SIZE - 1, 1],
    ]),
  ],
  ["that is one hole, of whole blocks", Buffer.alloc(128 * BLOCK)],
  ["that is one hole, of an odd size", Buffer.alloc(65 * BLOCK + 1)],
  ["whose hole is one block short of a batch", content(64 * BLOCK, [[63 * BLOCK, BLOCK]])],
  ["that is one byte", Buffer.alloc(1)],
];
for (const [what, bytes] of contents) {
  test(`checksum of a file ${what}`, { skip: lackingHoles() }, async (t) => {
    const { sparse, dense } = files(t, bytes);
    assert.ok(allocated(sparse) < allocated(dense) || bytes.length < PAGE, "there are no holes");
    const outcome = await run(["checksum", sparse]);
    assertSucceeded(outcome);
    assertSame(outcome.stdout, hashStream(bytes));
  });
}

test("checksum of ranges that begin and end within holes", async (t) => {
  const { sparse } = files(t, islands);
  const ranges: { start?: number; end?: number }[] = [
    { start: 6 * BLOCK, end: 69 * BLOCK },
    { start: 10 * BLOCK + 1, end: 139 * BLOCK - 1 },
    { start: 80 * BLOCK + 512, end: 200 * BLOCK + 4095 },
    { start: 217 * BLOCK + 4097 },
    { end: 100 * BLOCK + 77 },
    { start: SIZE },
  ];
  const runs = ranges.map(async (range) => {
    const options = Object.entries(range).map(([name, offset]) => `--${name}=${offset}`);
    const outcome = await run(["checksum", sparse, ...options]);
    assertSucceeded(outcome);
    assertSame(outcome.stdout, hashStream(islands, range), `the stream with ${options.join(" ")}`);
  });
  await Promise.all(runs);
});

test("checksum of a redirected file with holes leaves its offset alone", async (t) => {
  const { sparse } = files(t, islands);
  const offset = "sed -n 's/^pos:[[:space:]]*//p' /proc/self/fdinfo/0";
  const { code, stdout, stderr } = await bash(
    `{ ${blockcopy("checksum", "-")}; ${offset} >&2; } < ${quote([sparse])}`,
  );
  assert.equal(code, EXIT.ok);
  assert.equal(stderr.trim(), "0");
  assertSame(stdout, hashStream(islands));
});

for (const options of [["--extended"], ["--extended", "--digest", "blake3"]]) {
  test(`checksum ${options.join(" ")} of holes`, async (t) => {
    const { sparse, dense } = files(t, islands);
    const outcome = await run(["checksum", sparse, ...options]);
    assertSucceeded(outcome);
    const expected = await run(["checksum", dense, ...options]);
    assertSame(outcome.stdout, expected.stdout);
  });
}

for (const options of [[], ["--lzma"]]) {
  test(`retrieve ${options.join(" ")} of holes`, async (t) => {
    const { sparse, dense } = files(t, islands);
    const hashes = [0, 60 * BLOCK + 1, 71 * BLOCK, 240 * BLOCK, 300 * BLOCK];
    const stdin = Buffer.concat([
      ...hashes.map((at) => unequalHash(at, Math.min(3 * BLOCK, SIZE - at))),
      restFrame(200 * BLOCK),
      DONE,
    ]);
    const outcome = await run(["retrieve", sparse, ...options], { stdin });
    assertSucceeded(outcome);
    const expected = await run(["retrieve", dense, ...options], { stdin });
    assertSame(untilDone(outcome.stdout), untilDone(expected.stdout));
  });
}

test("checksum of 256 GiB, nearly all of it holes", { skip: lackingHoles() }, async (t) => {
  const path = join(scratch(t), "large");
  const data = noise("large", BLOCK);
  writeFileSync(path, data);
  truncateSync(path, 2 ** 38);
  const { reader, writer } = makePipe(t);
  const running = start(t, ["checksum", path], { stdout: writer.fd });
  writer.close();
  const frame = 80;
  const zeros = sha3(Buffer.alloc(BLOCK));
  let length = 0;
  let tail = Buffer.alloc(0);
  for await (const chunk of createReadStream("", { fd: reader.fd, autoClose: false })) {
    const bytes = chunk as Buffer;
    // The first whole frame of each chunk: some thousands of two million.
    const at = (frame - (length % frame)) % frame;
    const index = (length + at) / frame;
    if (at + frame <= bytes.length && index < 2 ** 38 / BLOCK) {
      const block = bytes.subarray(at, at + frame);
      assert.equal(block.toString("latin1", 0, 4), "Hash");
      assert.equal(Number(block.readBigUInt64BE(4)), index * BLOCK);
      assert.equal(block.readUInt32BE(12), BLOCK);
      assertSame(block.subarray(16), index === 0 ? sha3(data) : zeros, `block ${index}`);
    }
    length += bytes.length;
    tail = Buffer.concat([tail, bytes.subarray(-frame)]).subarray(-frame);
  }
  assert.deepEqual(await running.ended, { code: EXIT.ok, signal: null }, running.stderr());
  const end = Buffer.concat([restFrame(2 ** 38), DONE]);
  assert.equal(length, (2 ** 38 / BLOCK) * frame + end.length);
  assertSame(tail.subarray(-end.length), end);
});

// Nothing after the end reads as zeros: a file that is cut off is a failure, not a hole.
const commands: [command: string, words: (source: string, destination: string) => string[]][] = [
  ["checksum", (source) => [source]],
  // Without the check of free space, which would already see the shorter file.
  ["sync", (source, destination) => ["--sparse", source, destination]],
];
for (const [command, words] of commands) {
  test(`${command}: a file that is cut off while its holes are passed over`, async (t) => {
    const folder = scratch(t);
    const [source, destination] = [join(folder, "source"), join(folder, "destination")];
    for (const path of [source, destination]) {
      writeFileSync(path, "");
      truncateSync(path, 2 ** 43);
    }
    const { reader, writer } = makePipe(t);
    const running = start(t, [command, ...words(source, destination)], { stdout: writer.fd });
    writer.close();
    // By then it has read the size of the source.
    await hasOpened(running, command === "sync" ? destination : source);
    truncateSync(source, BLOCK);
    let tail = "";
    for await (const chunk of createReadStream("", { fd: reader.fd, autoClose: false }))
      tail = (tail + (chunk as Buffer).toString("latin1", chunk.length - 4)).slice(-4);
    const { code } = await running.ended;
    const cut = /source became shorter while it was read/;
    assertFailed({ code, stderr: running.stderr() }, EXIT.io, command, cut);
    assert.notEqual(tail, "done");
    assert.equal(readFileSync(source).length, BLOCK);
  });
}

for (const { where, on } of [
  { where: "", on: (_: TestContext, __: string, point: string) => point },
  // Here, what is asked of a range reaches only the page cache of the overlay, which has nothing.
  { where: ", below an overlay", on: mountOverlay },
])
  test(
    `what a file system${where} takes for a hole until it is on the disk is copied`,
    { skip: lackingLoop },
    async (t) => {
      const folder = scratch(t);
      const loop = loopWith(t, folder, Buffer.alloc(16 * MIB));
      const source = join(on(t, folder, mountWithoutExtents(t, folder, loop)), "source");
      const copy = join(folder, "copy");
      // Data that only the page cache has, with a hole in between.
      const file = openSync(source, "w");
      ftruncateSync(file, 4 * MIB);
      for (const at of [0, 2.5 * MIB]) writeSync(file, noise(at, BLOCK), 0, BLOCK, at);
      closeSync(file);
      assertSucceeded(await run(["sync", "-q", "--create", source, copy]));
      assert.ok(readFileSync(copy).equals(readFileSync(source)));
    },
  );
