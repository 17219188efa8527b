// The head of an extended block stream: `save` uses it as it uses a trailer.
import assert from "node:assert/strict";
import { chmodSync, chownSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertCopied,
  assertFailed,
  assertSucceeded,
  EXIT,
  pipeline,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch, text } from "../support/files/files.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { coded, blockStream, headFrame, readBlockStream } from "../support/wire/records.ts";
import { rootOf, sha3Digests } from "../support/wire/root-digest.ts";
import { TAG } from "../support/wire/trailer.ts";
import { isRoot, system } from "../support/programs/tools.ts";
import { sha3 } from "../support/wire/frames.ts";

const EXTENDED = ["--extended", "--digest", "blake3", "--block-size", "4K"];
const SIZE = 70_000;

/** A file of another owner, with odd permissions and an old time. */
function someoneElses(path: string, content: Buffer): void {
  writeFileSync(path, content);
  if (isRoot) chownSync(path, 1, 3);
  chmodSync(path, 0o4751);
  system("touch", "-d", "2001-02-03 04:05:06.123456789Z", path);
}

test("the head says what the source is, and the root frame its root digest", async (t) => {
  const path = join(scratch(t), "source");
  const content = noise(1, SIZE);
  someoneElses(path, content);
  const hashes = await run([
    "checksum",
    "--extended",
    "--block-size",
    "4K",
    "--create",
    `${path}-`,
  ]);
  const { stdout } = await run(["retrieve", path], { stdin: hashes.stdout });
  const { head, root } = readBlockStream(stdout);
  assert.equal(head.get(TAG.size)?.readBigUInt64BE(), BigInt(SIZE));
  assert.equal(head.get(TAG.kind)?.toString(), "file");
  assert.equal(head.get(TAG.mode)?.readUInt32BE(), 0o4751);
  assert.equal(head.get(TAG.modified)?.readUInt32BE(8), 123_456_789);
  assert.equal(head.get(TAG.owner)?.readUInt32BE(), statSync(path).uid);
  assert.equal(root.get(3)?.readUInt32BE(), 4096);
  assert.equal(root.get(3)?.toString("latin1", 68), "sha3-512");
  const expected = rootOf(SIZE, "sha3-512", sha3Digests(content, 4096), 4096);
  assert.equal(root.get(3)?.toString("hex", 4, 68), expected);
});

const skip = isRoot ? false : "only root may give files away";

test("-t -p -o -g --truncate work from the head", { skip }, async (t) => {
  const folder = scratch(t);
  const [source, destination] = [join(folder, "source"), join(folder, "destination")];
  const content = text(1, SIZE);
  someoneElses(source, content);
  for (const size of [0, 3 * SIZE]) {
    writeFileSync(destination, noise(2, size));
    const save = ["-t", "-p", "-o", "-g", "--truncate", "--verify=written"];
    const retrieve = ["--compress", "zstd"];
    assertCopied(await pipeline({ source, destination, checksum: EXTENDED, retrieve, save }));
    assertSame(readFileSync(destination), content);
    const found = statSync(destination, { bigint: true });
    assert.deepEqual([found.mode & 0o7777n, found.uid, found.gid], [0o4751n, 1n, 3n]);
    assert.equal(found.mtimeNs, statSync(source, { bigint: true }).mtimeNs);
  }
});

test("nothing of it is done without being asked, nor after a failure", { skip }, async (t) => {
  const folder = scratch(t);
  const [source, destination] = [join(folder, "source"), join(folder, "destination")];
  someoneElses(source, noise(1, SIZE));
  writeFileSync(destination, noise(2, 2 * SIZE));
  chmodSync(destination, 0o640);
  assertCopied(await pipeline({ source, destination, checksum: EXTENDED }));
  const plain = statSync(destination);
  assert.deepEqual([plain.mode & 0o7777, plain.uid, plain.size], [0o640, 0, 2 * SIZE]);
  const hashes = await run(["checksum", ...EXTENDED, destination]);
  const { stdout } = await run(["retrieve", source], { stdin: hashes.stdout });
  const cut = stdout.subarray(0, -4);
  const outcome = await run(["save", "-p", "-o", "--truncate", destination], { stdin: cut });
  assertFailed(outcome, EXIT.protocol, "save");
  const found = statSync(destination);
  assert.deepEqual([found.mode & 0o7777, found.uid, found.size], [0o640, 0, 2 * SIZE]);
});

test("--verify=full with runs of zeros, in blocks of small and large sizes", async (t) => {
  const folder = scratch(t);
  const [source, destination] = [join(folder, "source"), join(folder, "destination")];
  for (const index of [0, 2, 5, 9, 12]) {
    const size = 4096 << index;
    // A run is 16 MiB at most: the smallest blocks and the largest ones have zeros for more than one.
    const most = 17 * 1024 * 1024;
    const content = Buffer.concat([
      noise(1, 3 * BLOCK),
      Buffer.alloc(index === 0 ? most : Math.min(3 * size, most)),
      text(2, 32 * BLOCK + 77),
    ]);
    writeFileSync(source, content);
    const changed = index % 2 === 0 ? noise(3, content.length) : Buffer.from(content);
    changed.fill(9, 2 * BLOCK, 30 * BLOCK);
    writeFileSync(destination, changed);
    const checksum = ["--extended", "--block-size", String(size)];
    const save = ["--verify=full", ...(index % 3 === 0 ? ["--sparse"] : [])];
    const retrieve = ["--compress", "lz4"];
    assertCopied(await pipeline({ source, destination, checksum, retrieve, save }));
    assertSame(readFileSync(destination), content, String(size));
  }
});

test("--verify=full finds what was changed elsewhere since checksum read it", async (t) => {
  const folder = scratch(t);
  const [source, path] = [join(folder, "source"), join(folder, "destination")];
  const content = noise(1, 40 * BLOCK);
  writeFileSync(source, content);
  const before = Buffer.from(content);
  before.fill(0, 0, 100);
  writeFileSync(path, before);
  const hashes = await run(["checksum", ...EXTENDED, path]);
  const { stdout: stdin } = await run(["retrieve", source], { stdin: hashes.stdout });
  before.fill(0, 33 * BLOCK, 33 * BLOCK + 1);
  writeFileSync(path, before);
  const full = await run(["save", "--verify=full", path], { stdin });
  assertFailed(
    full,
    EXIT.differs,
    "save",
    /not in the 1 blocks that were written/,
    /run all of it again/,
  );
  assertSucceeded(await run(["save", "--verify=written", path], { stdin }));
});

test("--verify=full of a wrong root, and of none, is no success", async (t) => {
  const path = join(scratch(t), "destination");
  const content = noise(1, 5000);
  const size = Buffer.from([0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0x13, 0x88]);
  const head = headFrame("sha3-512", BLOCK, [size]);
  const right = rootOf(5000, "sha3-512", sha3Digests(content));
  for (const [root, code] of [
    [right, EXIT.ok],
    [right.replace(/^./, (digit) => (digit === "0" ? "1" : "0")), EXIT.differs],
    [undefined, EXIT.protocol],
  ] as const) {
    writeFileSync(path, "");
    const stdin = blockStream(head, [coded(0, content, "raw", sha3)], root);
    const outcome = await run(["save", "--verify=full", path], { stdin });
    if (code === EXIT.ok) assertSucceeded(outcome);
    else assertFailed(outcome, code, "save");
    assertSame(readFileSync(path), content);
  }
});

test("an extended stream of or to a device", { skip: lackingLoop }, async (t) => {
  const folder = scratch(t);
  const source = join(folder, "source");
  const content = Buffer.concat([noise(1, 2 * BLOCK), Buffer.alloc(BLOCK), text(2, BLOCK)]);
  someoneElses(source, content);
  const loop = loopWith(t, folder, noise(2, 4 * BLOCK));
  const save = ["-t", "-p", "-o", "-g", "--truncate", "--verify=full"];
  const retrieve = ["--compress", "auto"];
  const there = { source, destination: loop.path, checksum: EXTENDED, retrieve, save };
  const outcome = await pipeline(there);
  assert.deepEqual(outcome.codes, [0, 0, 0]);
  assert.match(outcome.stderr[2] ?? "", /^WARNING \(save\): .* is a device: .* left out\n$/);
  assertSame(deviceContent(loop), content);
  const copy = join(folder, "copy");
  writeFileSync(copy, noise(3, 9 * BLOCK));
  utimesSync(copy, 1e9, 1e9);
  const back = await pipeline({ ...there, source: loop.path, destination: copy });
  assert.deepEqual(back.codes, [0, 0, 0]);
  assert.match(back.stderr[2] ?? "", /^WARNING \(save\): the source is a device: .* left out\n$/);
  assertSame(readFileSync(copy), content);
});
