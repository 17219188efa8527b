// Streams whose batches are unusual: very many frames, very large ones, at odd positions, in an order that matters.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  assertFailed,
  assertSucceeded,
  bash,
  COMMAND,
  EXIT,
  quote,
  run,
} from "../support/programs/cli.ts";
import { lacking } from "../support/programs/tools.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import {
  decodeBlocks,
  dataFrame,
  DONE,
  hashStream,
  restFrame,
  unequalHash,
} from "../support/wire/frames.ts";

const MAX_LENGTH = 16 * 2 ** 20;

/** The most that a stage may take, in KiB, whatever it is sent. */
const MEMORY_LIMIT = 200 * 1024;

/** Runs a command and prints the most memory that it took, in KiB. */
const MEASURE = `
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)`;

const skip = lacking("python3");

test("save takes very many tiny frames from a file in bounded memory", { skip }, async (t) => {
  const folder = scratch(t);
  const [stream, destination] = [join(folder, "stream"), join(folder, "destination")];
  const content = noise("bytes", 600_000);
  const frames = Array.from(content, (_, at) => dataFrame(at, content.subarray(at, at + 1)));
  writeFileSync(stream, Buffer.concat([...frames, DONE]));
  writeFileSync(destination, "");
  const outcome = await bash(
    `${quote(["python3", "-c", MEASURE, ...COMMAND, "save", destination])} < ${quote([stream])}`,
  );
  assertSucceeded(outcome);
  assert.ok(Number(outcome.stdout) < MEMORY_LIMIT, `${outcome.stdout.toString().trim()} KiB`);
  assert.ok(readFileSync(destination).equals(content));
});

test("checksum of more than a batch from an unaligned start", async (t) => {
  const path = join(scratch(t), "file");
  const content = noise("large", 10 * 2 ** 20 + 77);
  writeFileSync(path, content);
  const outcome = await run(["checksum", path, "--start", "1001"]);
  assertSucceeded(outcome);
  assert.ok(outcome.stdout.equals(hashStream(content, { start: 1001 })));
});

test("retrieve of the largest block at an unaligned position", async (t) => {
  const path = join(scratch(t), "file");
  const content = noise("large", MAX_LENGTH + 5000);
  writeFileSync(path, content);
  const stdin = Buffer.concat([unequalHash(1001, MAX_LENGTH), unequalHash(0, MAX_LENGTH), DONE]);
  const outcome = await run(["retrieve", path], { stdin });
  assertSucceeded(outcome);
  const [first, second] = decodeBlocks(outcome.stdout).frames;
  assert.ok(first?.payload.equals(content.subarray(1001, 1001 + MAX_LENGTH)));
  assert.ok(second?.payload.equals(content.subarray(0, MAX_LENGTH)));
});

for (const wire of [undefined, "0.0.2"]) {
  const title = wire === undefined ? "by default" : `with BLOCKCOPY_WIRE=${wire}`;
  const exact = wire !== undefined;

  test(`rest comes after the blocks before it, ${title}`, async (t) => {
    const path = join(scratch(t), "file");
    writeFileSync(path, noise("rest", 21 * BLOCK));
    const hashes = Array.from({ length: 18 }, (_, block) => unequalHash(block * BLOCK, BLOCK));
    const stdin = Buffer.concat([...hashes, restFrame(18 * BLOCK), DONE]);
    const outcome = await run(["retrieve", path], { stdin, env: { BLOCKCOPY_WIRE: wire } });
    assertSucceeded(outcome);
    const blocks = decodeBlocks(outcome.stdout).frames.map(({ position }) => position / BLOCK);
    const ascending = Array.from({ length: 21 }, (_, block) => block);
    // 0.0.2 passes blocks on by sixteen: two are left over when `rest` comes.
    const groups = [...ascending.slice(0, 16), 18, 19, 20, 16, 17];
    assert.deepEqual(blocks, exact ? groups : ascending);
  });

  test(`a hash stream that ends inside a frame is answered as far as it goes, ${title}`, async (t) => {
    const path = join(scratch(t), "file");
    writeFileSync(path, noise("cut", 20 * BLOCK));
    const hashes = Array.from({ length: 19 }, (_, block) => unequalHash(block * BLOCK, BLOCK));
    const stdin = Buffer.concat([...hashes, unequalHash(19 * BLOCK, BLOCK).subarray(0, 50)]);
    const outcome = await run(["retrieve", path], { stdin, env: { BLOCKCOPY_WIRE: wire } });
    assertFailed(outcome, EXIT.protocol, "retrieve", /incomplete read of hash/);
    const { frames, done } = decodeBlocks(outcome.stdout);
    assert.equal(done, false);
    assert.equal(frames.length, exact ? 16 : 19);
  });
}
