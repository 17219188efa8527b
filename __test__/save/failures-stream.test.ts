// Streams that end early, are damaged or ask for too much: a protocol error, and nothing of the bad frame written.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertFailed, assertSucceeded, EXIT, run, type Outcome } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch, text } from "../support/files/files.ts";
import { lacking } from "../support/programs/tools.ts";
import { dataFrame, DONE, dlzmFrame, restFrame, unequalHash, xz } from "../support/wire/frames.ts";
import { untilDone } from "../support/wire/trailer.ts";

const MAX_LENGTH = 16 * 2 ** 20;
const MAX_POSITION = 2n ** 53n - 1n;

const content = noise("content", 4 * BLOCK + 100);

async function retrieve(t: TestContext, stdin: Buffer): Promise<Outcome> {
  const path = join(scratch(t), "source");
  writeFileSync(path, content);
  return run(["retrieve", path], { stdin });
}

async function save(t: TestContext, stdin: Buffer): Promise<Outcome & { result: Buffer }> {
  const path = join(scratch(t), "destination");
  writeFileSync(path, content);
  const outcome = await run(["save", path], { stdin });
  return { ...outcome, result: readFileSync(path) };
}

const hash = unequalHash(0, BLOCK);
const first = dataFrame(0, content.subarray(0, BLOCK));

const CLOSED = /without receiving the `done` command/;

test("retrieve sends what was complete when the hash stream closes between frames", async (t) => {
  const outcome = await retrieve(t, hash);
  assertFailed(outcome, EXIT.protocol, "retrieve", CLOSED, new RegExp(`\\b${hash.length}\\b`));
  assert.deepEqual(outcome.stdout, first);
});

test("retrieve refuses an empty hash stream", async (t) => {
  const outcome = await retrieve(t, Buffer.alloc(0));
  assertFailed(outcome, EXIT.protocol, "retrieve", CLOSED);
  assert.equal(outcome.stdout.length, 0);
});

const cutHashes: [where: string, stream: Buffer, message: RegExp][] = [
  ["a command", Buffer.from("Ha"), /incomplete read of command/],
  ["the position of a hash", hash.subarray(0, 9), /incomplete read of hash/],
  ["the size of a hash", hash.subarray(0, 14), /incomplete read of hash/],
  ["a digest", hash.subarray(0, 79), /incomplete read of hash/],
  ["a rest", restFrame(0).subarray(0, 11), /incomplete read of offset/],
];
for (const [where, stream, message] of cutHashes) {
  test(`retrieve: the hash stream ends inside ${where}`, async (t) => {
    const outcome = await retrieve(t, Buffer.concat([stream]));
    assertFailed(outcome, EXIT.protocol, "retrieve", message, /from hash input stream/);
    assert.equal(outcome.stdout.length, 0);
  });
}

const badHashes: [what: string, stream: Buffer, message: RegExp][] = [
  ["an unknown command", Buffer.concat([Buffer.from("what"), Buffer.alloc(100)]), /what/],
  ["a frame of the other stream", first, /data/],
  ["a block of no bytes", unequalHash(0, 0), /\b0\b/],
  [
    "a block longer than 16 MiB",
    unequalHash(0, MAX_LENGTH + 1),
    new RegExp(String(MAX_LENGTH + 1)),
  ],
  ["a block of 4 GiB", unequalHash(0, 0xffff_ffff), /4294967295/],
  ["a position past 2^53-1", unequalHash(MAX_POSITION + 1n, BLOCK), /9007199254740992/],
  ["the last position there is", unequalHash(2n ** 64n - 1n, BLOCK), /18446744073709551615/],
  ["a rest past 2^53-1", restFrame(MAX_POSITION + 1n), /9007199254740992/],
];
for (const [what, stream, message] of badHashes) {
  test(`retrieve refuses ${what}`, async (t) => {
    const outcome = await retrieve(t, Buffer.concat([stream, DONE]));
    assertFailed(outcome, EXIT.protocol, "retrieve", message);
    assert.equal(outcome.stdout.length, 0);
  });
}

test("retrieve takes blocks of 16 MiB, positions and rests past the end of the source, and any number of rests", async (t) => {
  const stream = [
    unequalHash(0, MAX_LENGTH),
    unequalHash(2 ** 52, BLOCK),
    restFrame(2 ** 52),
    restFrame(4 * BLOCK),
    restFrame(4 * BLOCK),
    DONE,
  ];
  const outcome = await retrieve(t, Buffer.concat(stream));
  assertSucceeded(outcome);
  const tail = dataFrame(4 * BLOCK, content.subarray(4 * BLOCK));
  assert.deepEqual(
    untilDone(outcome.stdout),
    Buffer.concat([dataFrame(0, content), tail, tail, DONE]),
  );
});

const other = noise("other", BLOCK);

test("save keeps what was complete when the block stream closes between frames", async (t) => {
  const frame = dataFrame(BLOCK, other);
  const outcome = await save(t, frame);
  assertFailed(outcome, EXIT.protocol, "save", CLOSED, new RegExp(`\\b${frame.length}\\b`));
  assert.ok(outcome.result.subarray(BLOCK, 2 * BLOCK).equals(other));
});

test("save reads nothing after done, and takes frames of 16 MiB in any order", async (t) => {
  const large = noise("large", MAX_LENGTH);
  const outcome = await save(
    t,
    Buffer.concat([dataFrame(8 * BLOCK, large), dataFrame(0, other), DONE, Buffer.from("garbage")]),
  );
  assertSucceeded(outcome);
  const expected = Buffer.concat([content, Buffer.alloc(8 * BLOCK - content.length), large]);
  other.copy(expected);
  assert.ok(outcome.result.equals(expected));
});

const cutBlocks: [where: string, stream: Buffer, message: RegExp][] = [
  ["nowhere at all", Buffer.alloc(0), CLOSED],
  ["a command", Buffer.from("dat"), /incomplete read of command/],
  ["a header", dataFrame(0, other).subarray(0, 10), /incomplete read of block position and size/],
  ["a payload", dataFrame(0, other).subarray(0, BLOCK), /incomplete read of block data/],
  [
    "a compressed payload",
    dlzmFrame(0, noise("x", 500)).subarray(0, 400),
    /incomplete read of block data/,
  ],
];
for (const [where, stream, message] of cutBlocks) {
  test(`save: the block stream ends inside ${where}`, async (t) => {
    const outcome = await save(t, stream);
    assertFailed(outcome, EXIT.protocol, "save", message, /block input stream/);
    assert.ok(outcome.result.equals(content), "the destination changed");
  });
}

const badBlocks: [what: string, stream: Buffer, message: RegExp][] = [
  ["an unknown command", Buffer.concat([Buffer.from("what"), Buffer.alloc(100)]), /what/],
  ["a frame of the other stream", hash, /Hash/],
  ["a frame of no bytes", dataFrame(0, Buffer.alloc(0)), /\b0\b/],
  ["a compressed frame of no bytes", dlzmFrame(0, Buffer.alloc(0)), /\b0\b/],
  [
    "a frame longer than 16 MiB",
    dataFrame(0, other, MAX_LENGTH + 1),
    new RegExp(String(MAX_LENGTH + 1)),
  ],
  ["a frame of 4 GiB", dataFrame(0, other, 0xffff_ffff), /4294967295/],
  ["a compressed frame of 4 GiB", dlzmFrame(0, other, 0xffff_ffff), /4294967295/],
  ["a position past 2^53-1", dataFrame(MAX_POSITION + 1n, other), /9007199254740992/],
  ["the last position there is", dataFrame(2n ** 64n - 1n, other), /18446744073709551615/],
  ["a frame that ends past 2^53-1", dataFrame(MAX_POSITION, other), /9007199254740991/],
];
for (const [what, stream, message] of badBlocks) {
  test(`save refuses ${what}`, async (t) => {
    const outcome = await save(t, Buffer.concat([stream, DONE]));
    assertFailed(outcome, EXIT.protocol, "save", message);
    assert.ok(outcome.result.equals(content), "the destination changed");
  });
}

const badXz: [what: string, payload: () => Buffer][] = [
  ["is not .xz", () => noise("no xz", 300)],
  ["is cut", () => xz(text("t", BLOCK)).subarray(0, -20)],
  ["has a flipped bit", () => flipped(xz(text("t", BLOCK)))],
  [
    "is followed by something",
    () => Buffer.concat([xz(text("t", BLOCK)), Buffer.from([0, 1, 2, 3])]),
  ],
  ["decodes to nothing", () => xz(Buffer.alloc(0))],
  ["decodes to a byte more than 16 MiB", () => xz(Buffer.alloc(MAX_LENGTH + 1))],
  ["decodes to 1 GiB", () => xz(Buffer.alloc(2 ** 30), 0)],
];
for (const [what, payload] of badXz) {
  test(`save refuses a compressed frame that ${what}`, { skip: lacking("xz") }, async (t) => {
    const outcome = await save(t, Buffer.concat([dlzmFrame(BLOCK, payload()), DONE]));
    assertFailed(outcome, EXIT.protocol, "save", new RegExp(`\\b${BLOCK}\\b`));
    assert.ok(outcome.result.equals(content), "the destination changed");
  });
}

test(
  "save takes a compressed frame that decodes to exactly 16 MiB",
  { skip: lacking("xz") },
  async (t) => {
    const outcome = await save(
      t,
      Buffer.concat([dlzmFrame(0, xz(Buffer.alloc(MAX_LENGTH))), DONE]),
    );
    assertSucceeded(outcome);
    assert.ok(outcome.result.equals(Buffer.alloc(MAX_LENGTH)));
  },
);

function flipped(bytes: Buffer): Buffer {
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}
