// `save` with extended block streams, whole and damaged: never success with a wrong destination.
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { BlockDecoder } from "../../src/protocol/block-stream/decoder.ts";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, assertSucceeded, EXIT, run } from "../support/programs/cli.ts";
import { noise, scratch, text } from "../support/files/files.ts";
import { allocated, BOOKKEEPING, lackingHoles } from "../support/files/holes.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import {
  blockStream,
  type BlockRecord,
  CODECS,
  coded,
  headFrame,
  readBlockStream,
  recordHeader,
  sizeField,
} from "../support/wire/records.ts";
import { lacking } from "../support/programs/tools.ts";
import { sha3 } from "../support/wire/frames.ts";

const SIZE = 4096;
/** Of a source that is larger than anything here: the tests of what lies outside of it are elsewhere. */
const HEAD = headFrame("sha3-512", SIZE, [sizeField(2 ** 40)]);
const OLD = noise("old", 4 * SIZE);
const skip =
  CODECS.map((codec) => (codec === "raw" ? false : lacking(codec))).find(Boolean) ?? false;

function destination(t: TestContext, content = OLD): string {
  const path = join(scratch(t), "destination");
  writeFileSync(path, content);
  return path;
}

const zeros = (position: number, block: number): BlockRecord => ({ position, block });

/** `bytes` with one bit flipped. */
function flipped(bytes: Buffer, bit: number): Buffer {
  const result = Buffer.from(bytes);
  const at = bit >> 3;
  result[at] = (result[at] ?? 0) ^ (1 << (bit & 7));
  return result;
}

/** A stream whose four blocks are coded in the four ways, by the programs of that name. */
function fourWays(): { stream: Buffer; content: Buffer } {
  const content = text("four", 4 * SIZE);
  const records = CODECS.map((codec, i) =>
    coded(i * SIZE, content.subarray(i * SIZE, (i + 1) * SIZE), codec, sha3),
  );
  return { stream: blockStream(HEAD, records), content };
}

test("payloads that other programs have compressed are read", { skip }, async (t) => {
  const { stream, content } = fourWays();
  const path = destination(t);
  assertSucceeded(await run(["save", path], { stdin: stream }));
  assertSame(readFileSync(path), content);
});

for (const codec of CODECS)
  test(
    `${codec}: a block whose payload is damaged is not written, those before it are`,
    { skip },
    async (t) => {
      const content = text(codec, 3 * SIZE);
      const parts = [0, 1, 2].map((i) => content.subarray(i * SIZE, (i + 1) * SIZE));
      const record = (i: number): BlockRecord => coded(i * SIZE, parts[i] ?? content, codec, sha3);
      const stream = blockStream(HEAD, [record(0), record(1), record(2)]);
      const { records } = readBlockStream(stream);
      const { headerEnd = 0, end = 0 } = records[1] ?? {};
      const path = destination(t);
      const last = end - headerEnd - 1;
      for (const at of [0, 4, last >> 1, last].map((offset) => headerEnd + offset)) {
        writeFileSync(path, OLD);
        const outcome = await run(["save", path], { stdin: flipped(stream, at * 8 + 3) });
        assertFailed(
          outcome,
          EXIT.protocol,
          "save",
          new RegExp(`offset ${SIZE}`),
          /nothing of this block was written/,
        );
        const found = readFileSync(path);
        assertSame(found.subarray(0, SIZE), parts[0] ?? content, "the block before");
        assertSame(
          found.subarray(SIZE, 2 * SIZE),
          OLD.subarray(SIZE, 2 * SIZE),
          "the block itself",
        );
      }
    },
  );

test("a payload with a wrong digest is not written, though all checksums are right", async (t) => {
  const block = noise("block", SIZE);
  const first = coded(0, noise("first", SIZE), "raw", sha3);
  const wrong = { ...coded(SIZE, block, "raw", sha3), digest: sha3(noise("other", SIZE)) };
  const path = destination(t);
  const outcome = await run(["save", path], { stdin: blockStream(HEAD, [first, wrong]) });
  assertFailed(outcome, EXIT.protocol, "save", /digest/, new RegExp(`offset ${SIZE}`));
  assertSame(readFileSync(path), Buffer.concat([first.payload ?? block, OLD.subarray(SIZE)]));
});

test("a block that decodes to more or less than it says is not written", { skip }, async (t) => {
  const block = text("length", SIZE);
  for (const codec of ["xz", "zstd", "lz4"] as const)
    for (const claimed of [SIZE - 1, SIZE + 1]) {
      const path = destination(t);
      const record = { ...coded(0, block, codec, sha3), block: claimed };
      const outcome = await run(["save", path], { stdin: blockStream(HEAD, [record]) });
      assertFailed(outcome, EXIT.protocol, "save", /offset 0/);
      assertSame(readFileSync(path), OLD, `${codec} with ${claimed}`);
    }
});

test("records out of order, and those that overlap, are refused", async (t) => {
  const record = (position: number): BlockRecord =>
    coded(position, noise(position, SIZE), "raw", sha3);
  for (const records of [
    [record(0), record(0)],
    [record(0), record(SIZE - 1)],
    [record(0), zeros(SIZE - 1, SIZE)],
    [zeros(0, SIZE + 1), record(SIZE)],
  ]) {
    const path = destination(t);
    const outcome = await run(["save", path], { stdin: blockStream(HEAD, records) });
    assertFailed(outcome, EXIT.protocol, "save", /steps back to offset \d+/);
  }
});

for (const sparse of [[], ["--sparse"]])
  test(`runs of zeros in a file ${sparse.join()}`, { skip: lackingHoles() }, async (t) => {
    const size = 1024 * 1024;
    const path = destination(t, noise("full", 3 * size));
    const tail = coded(3 * size + 5, Buffer.from("end"), "raw", sha3);
    const stream = blockStream(HEAD, [zeros(size, size), zeros(2 * size, size), tail]);
    assertSucceeded(await run(["save", path, ...sparse], { stdin: stream }));
    const expected = Buffer.alloc(3 * size + 8);
    noise("full", size).copy(expected);
    expected.write("end", 3 * size + 5);
    assertSame(readFileSync(path), expected);
    const kept = sparse.length > 0 ? size + BOOKKEEPING : 3 * size + BOOKKEEPING;
    assert.ok(
      allocated(path) <= kept && allocated(path) >= kept - 2 * BOOKKEEPING,
      `${allocated(path)} bytes`,
    );
  });

test("a run of zeros after the end makes a file longer", async (t) => {
  for (const sparse of [[], ["--sparse"]]) {
    const path = destination(t);
    const stream = blockStream(HEAD, [zeros(OLD.length, 1_000_001)]);
    assertSucceeded(await run(["save", path, ...sparse], { stdin: stream }));
    assertSame(readFileSync(path), Buffer.concat([OLD, Buffer.alloc(1_000_001)]));
    assert.equal(statSync(path).size, OLD.length + 1_000_001);
  }
});

test(
  "a device: zeros are written, and nothing beyond its end",
  { skip: lackingLoop },
  async (t) => {
    const size = 1024 * 1024;
    const content = noise("device", size);
    const loop = loopWith(t, scratch(t), content);
    for (const sparse of [[], ["--sparse"]]) {
      const stream = blockStream(HEAD, [zeros(SIZE, 10 * SIZE)]);
      assertSucceeded(await run(["save", loop.path, ...sparse], { stdin: stream }));
      content.fill(0, SIZE, 11 * SIZE);
      assertSame(deviceContent(loop), content);
    }
    const beyond = [
      coded(size - 1, Buffer.from("two"), "raw", sha3),
      coded(size, Buffer.from("x"), "raw", sha3),
      zeros(size - SIZE, SIZE + 1),
      zeros(size + SIZE, SIZE),
    ];
    for (const record of beyond) {
      const outcome = await run(["save", loop.path], { stdin: blockStream(HEAD, [record]) });
      assertFailed(outcome, EXIT.protocol, "save", /end/);
      assertSame(deviceContent(loop), content);
    }
  },
);

test(
  "cut off at each edge of a frame: what came whole is written, and it is no success",
  { skip },
  async (t) => {
    const { stream, content } = fourWays();
    const { records } = readBlockStream(stream);
    const path = destination(t);
    const last = records.at(-1)?.end ?? 0;
    const cuts = [
      HEAD.length,
      ...records.flatMap(({ headerEnd, end }) => [headerEnd, end]),
      stream.length - 4,
      stream.length - 1,
    ];
    for (const cut of [0, ...cuts]) {
      writeFileSync(path, OLD);
      const outcome = await run(["save", path], { stdin: stream.subarray(0, cut) });
      assertFailed(
        outcome,
        EXIT.protocol,
        "save",
        new RegExp(`at byte \\d+|after ${cut} bytes`),
        /the stage before this one failed/,
      );
      const whole = records.filter(({ end }) => end <= cut).length * SIZE;
      const expected = Buffer.concat([content.subarray(0, whole), OLD.subarray(whole)]);
      assertSame(readFileSync(path), expected, `cut at ${cut} of ${last}`);
    }
  },
);

test(
  "a record that is dropped, repeated or exchanged is noticed, and so is a missing seal",
  { skip },
  async (t) => {
    const { stream } = fourWays();
    const { records } = readBlockStream(stream);
    for (const { at, end, position } of records.slice(-2)) {
      const frame = stream.subarray(at, end);
      const other = coded(position, noise("other", SIZE), "raw", sha3);
      const foreign = [recordHeader(other), other.payload ?? frame];
      for (const damaged of [
        Buffer.concat([stream.subarray(0, at), stream.subarray(end)]),
        Buffer.concat([stream.subarray(0, end), frame, stream.subarray(end)]),
        Buffer.concat([stream.subarray(0, at), ...foreign, stream.subarray(end)]),
      ]) {
        const outcome = await run(["save", destination(t)], { stdin: damaged });
        assertFailed(outcome, EXIT.protocol, "save");
      }
    }
    const after = records.at(-1)?.end ?? 0;
    const unsealed = Buffer.concat([stream.subarray(0, after), Buffer.from("done")]);
    const outcome = await run(["save", destination(t)], { stdin: unsealed });
    assertFailed(outcome, EXIT.protocol, "save", /no `root` frame before `done`/);
  },
);

/** The frames that a decoder finds in a stream; undefined if it refuses it, or needs more. */
function decoded(stream: Buffer): string | undefined {
  try {
    const { frames, done } = new BlockDecoder().decode(stream, 0, stream.length, 0);
    const said = frames.map(({ position, block, codec, offset, length, digest }) =>
      [
        position,
        block,
        codec,
        digest && Buffer.from(digest).toString("hex"),
        stream.toString("hex", offset, offset + length),
      ].join(" "),
    );
    return done ? said.join("\n") : undefined;
  } catch {
    return undefined;
  }
}

test("each single bit that is flipped: never success with another content", { skip }, async (t) => {
  const { stream, content } = fourWays();
  const { records } = readBlockStream(stream);
  const payload = (at: number): boolean =>
    records.some(({ headerEnd, end }) => at >= headerEnd && at < end);
  const sound = decoded(stream);
  assert.ok(sound !== undefined);
  // Outside the payloads the decoder refuses each of them, before anything else does.
  for (let bit = 0; bit < stream.length * 8; bit++)
    if (!payload(bit >> 3)) assert.equal(decoded(flipped(stream, bit)), undefined, `bit ${bit}`);

  // In each field of the first and the last record, and spread over the rest, with the whole program.
  const fields = [records[0], records.at(-1)].flatMap((record) =>
    [0, 11, 15, 19, 20, 84].map((byte) => (record?.at ?? 0) + byte),
  );
  const spread = Array.from({ length: 4 }, (_, i) => Math.floor(((i + 0.5) * stream.length) / 4));
  const path = destination(t);
  for (const at of [0, 7, 9, HEAD.length - 1, ...fields, ...spread, stream.length - 1]) {
    writeFileSync(path, OLD);
    const outcome = await run(["save", path], { stdin: flipped(stream, at * 8 + (at % 8)) });
    const found = readFileSync(path);
    if (outcome.code === EXIT.ok) assertSame(found, content, `flipped at ${at}`);
    else assertFailed(outcome, EXIT.protocol, "save");
    for (let block = 0; block < 4; block++) {
      const part = found.subarray(block * SIZE, (block + 1) * SIZE);
      const [old, fresh] = [OLD, content].map((bytes) =>
        bytes.subarray(block * SIZE, (block + 1) * SIZE),
      );
      assert.ok(
        part.equals(old ?? part) || part.equals(fresh ?? part),
        `block ${block}, flipped at ${at}`,
      );
    }
  }
});
