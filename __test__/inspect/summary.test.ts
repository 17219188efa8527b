// `inspect --summary`: counts, range, and whether the stream is whole.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertFailed, assertSucceeded, EXIT, run } from "../support/programs/cli.ts";
import { TAG, tailFrame } from "../support/wire/trailer.ts";
import {
  dataFrame,
  dlzmFrame,
  DONE,
  hello,
  restFrame,
  unequalHash,
} from "../support/wire/frames.ts";

const tail = tailFrame([[TAG.kind, Buffer.from("file")]]);

test("in JSON", async () => {
  const hashes = [hello("blake3"), unequalHash(0, 131_072, 32), restFrame(131_072), DONE];
  const stdin = Buffer.concat(hashes);
  const { stdout, ...outcome } = await run(["inspect", "--summary", "--json"], { stdin });
  assertSucceeded(outcome);
  assert.deepEqual(JSON.parse(stdout.toString()), {
    frames: {
      helo: { count: 1, bytes: 24 },
      Hash: { count: 1, bytes: 48 },
      rest: { count: 1, bytes: 12 },
      done: { count: 1, bytes: 4 },
    },
    positions: { from: 0, to: 131_072, open: true },
    trailer: false,
    complete: true,
    size: 88,
  });
});

test("as text, of a stream with a trailer and bytes after it", async () => {
  const blocks = [dataFrame(512, Buffer.alloc(512)), dlzmFrame(1024, Buffer.alloc(9))];
  const stdin = Buffer.concat([...blocks, dataFrame(4096, Buffer.alloc(1)), DONE, tail, DONE]);
  const { stdout, ...outcome } = await run(["inspect", "--summary"], { stdin });
  assertSucceeded(outcome);
  assert.equal(
    stdout.toString(),
    `data                2               545 bytes
dlzm                1                25 bytes
done                1                 4 bytes
tail                1                22 bytes
trailing            1                 4 bytes
positions  512 to 4097
size       600 bytes
trailer    yes
complete   yes
`,
  );
});

test("as text, of a stream that is cut off: only what is sound counts", async () => {
  const stdin = Buffer.concat([dataFrame(7, Buffer.alloc(3)), Buffer.from("dat")]);
  const outcome = await run(["inspect", "--summary"], { stdin });
  assertFailed(outcome, EXIT.protocol, "inspect", /at byte 19 /);
  assert.equal(
    outcome.stdout.toString(),
    `data                1                19 bytes
positions  7 to 10
size       19 bytes
trailer    no
complete   no
`,
  );
});

test("a stream whose trailer is cut off or damaged is not complete", async () => {
  const stream = Buffer.concat([DONE, tail]);
  const flipped = Buffer.from(stream);
  flipped[stream.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
  for (const stdin of [stream.subarray(0, -1), flipped]) {
    const { code, stdout } = await run(["inspect", "--summary", "--json"], { stdin });
    assert.equal(code, EXIT.protocol);
    const { trailer, complete } = JSON.parse(stdout.toString()) as Record<string, unknown>;
    assert.deepEqual({ trailer, complete }, { trailer: false, complete: false });
  }
});

const known = (position: number, length: number): Buffer =>
  dataFrame(position, Buffer.alloc(length));
const unknown = (position: number): Buffer => dlzmFrame(position, Buffer.alloc(5));

for (const [name, frames, positions] of [
  ["nothing", [], null],
  ["a block", [known(5, 3)], { from: 5, to: 8, open: false }],
  ["blocks that step back", [known(5, 3), known(1, 2)], { from: 1, to: 8, open: false }],
  ["a compressed block", [unknown(9)], { from: 9, to: 9, open: true }],
  ["one after a block", [known(0, 9), unknown(9)], { from: 0, to: 9, open: true }],
  [
    "one after a block that comes again",
    [known(0, 9), unknown(9), known(0, 9)],
    { from: 0, to: 9, open: true },
  ],
  ["one before a block", [unknown(9), known(10, 1)], { from: 9, to: 11, open: false }],
  ["rest alone", [restFrame(9)], { from: 9, to: 9, open: true }],
  ["rest after blocks", [unequalHash(0, 9), restFrame(9)], { from: 0, to: 9, open: true }],
  [
    "rest before blocks",
    [restFrame(9), unequalHash(9, 9), unequalHash(18, 9)],
    { from: 9, to: 27, open: true },
  ],
] as const)
  test(`the range of ${name}`, async () => {
    const stdin = Buffer.concat([...frames, DONE]);
    const { stdout } = await run(["inspect", "--summary", "--json"], { stdin });
    const summary = JSON.parse(stdout.toString()) as { positions: unknown };
    assert.deepEqual(summary.positions, positions);
    const text = (await run(["inspect", "--summary"], { stdin })).stdout.toString();
    assert.equal(/ and beyond$/m.test(text), positions?.open ?? false);
  });
