// `inspect` after `done`: the trailer, its faults, and other bytes.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertFailed, assertSucceeded, EXIT, run } from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";
import { framesIn, parsed } from "../support/wire/inspect-output.ts";
import { afterDone, readTail, TAG, tailFrame } from "../support/wire/trailer.ts";
import { dataFrame, DONE, restFrame, unequalHash } from "../support/wire/frames.ts";

const block = dataFrame(5, Buffer.from("abc"));
const start = block.length + DONE.length;

function timestamp(seconds: bigint, nanoseconds: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeBigInt64BE(seconds);
  bytes.writeUInt32BE(nanoseconds, 8);
  return bytes;
}

const owner = (name: string): Buffer => Buffer.from(`\0\0\x01\x02${name}`);
const root = Buffer.concat([
  Buffer.from([0, 2, 0, 0]),
  Buffer.alloc(64, 0xab),
  Buffer.from("blake3"),
]);
const all = tailFrame([
  [TAG.size, Buffer.from([0, 0, 0, 0, 1, 0, 0, 0])],
  [TAG.kind, Buffer.from("file")],
  [TAG.mode, Buffer.from([0, 0, 0, 0o52])],
  [TAG.accessed, timestamp(981_173_106n, 123)],
  [TAG.modified, timestamp(-1n, 500_000_000)],
  [TAG.owner, owner("jörg\u001b[2J\u009b")],
  [TAG.group, owner("")],
  [TAG.root, root],
]);

const shown = (...parts: Uint8Array[]): ReturnType<typeof run> =>
  run(["inspect"], { stdin: Buffer.concat(parts) });
const shownJson = (...parts: Uint8Array[]): ReturnType<typeof run> =>
  run(["inspect", "--json"], { stdin: Buffer.concat(parts) });

test("all that a trailer can say, with nothing in it that a terminal obeys", async () => {
  const { stdout, ...outcome } = await shown(block, DONE, all);
  assertSucceeded(outcome);
  assert.equal(
    stdout.toString(),
    `         0  data  3 bytes at 5
        19  done
        23  tail  size 16777216, file, mode 0052, accessed 2001-02-03T04:05:06.000000123Z, modified 1969-12-31T23:59:59.500000000Z, owner 258 (j\\xc3\\xb6rg\\x1b[2J\\xc2\\x9b), group 258, root blake3/131072 abababababababab...
`,
  );
  const json = await shownJson(block, DONE, all);
  assert.doesNotMatch(json.stdout.toString(), /[\0-\t\v-\x1f\x7f-\x9f]/);
  assert.deepEqual(parsed(json.stdout)[2], {
    offset: 23,
    frame: "tail",
    size: 16_777_216,
    kind: "file",
    mode: "0052",
    accessed: { seconds: 981_173_106, nanoseconds: 123 },
    modified: { seconds: -1, nanoseconds: 500_000_000 },
    owner: { id: 258, name: "jörg\u001b[2J\u009b" },
    group: { id: 258 },
    root: { digest: "blake3", blockSize: 131_072, root: "ab".repeat(64) },
  });
});

test("a trailer that says nothing, and a time beyond the calendar", async () => {
  const nothing = tailFrame([]);
  assert.match((await shown(DONE, nothing)).stdout.toString(), /^ {9}4 {2}tail\n/m);
  assert.deepEqual(parsed((await shownJson(DONE, nothing)).stdout)[1], {
    offset: 4,
    frame: "tail",
  });
  const far = tailFrame([[TAG.modified, timestamp(8_640_000_000_001n, 5)]]);
  const { stdout, ...outcome } = await shown(DONE, far);
  assertSucceeded(outcome);
  assert.match(stdout.toString(), /modified @8640000000001 and 5 ns$/m);
});

test("the trailer that retrieve writes, as an independent decoder reads it", async (t) => {
  const file = join(scratch(t), "source");
  writeFileSync(file, noise("inspect-trailer", 300_000), { mode: 0o640 });
  const retrieved = await run(["retrieve", file], { stdin: Buffer.concat([restFrame(0), DONE]) });
  const { fields } = readTail(afterDone(retrieved.stdout));
  const time = (tag: number): object => ({
    seconds: Number(fields.get(tag)?.readBigInt64BE()),
    nanoseconds: fields.get(tag)?.readUInt32BE(8),
  });
  const who = (tag: number): object => {
    const name = fields.get(tag)?.toString("utf8", 4);
    return { id: fields.get(tag)?.readUInt32BE(), ...(name === "" ? {} : { name }) };
  };
  const { stdout } = await run(["inspect", "--json"], { stdin: retrieved.stdout });
  assert.deepEqual(parsed(stdout).at(-1), {
    offset: retrieved.stdout.length - afterDone(retrieved.stdout).length,
    frame: "tail",
    size: 300_000,
    kind: "file",
    mode: "0640",
    accessed: time(TAG.accessed),
    modified: time(TAG.modified),
    owner: who(TAG.owner),
    group: who(TAG.group),
    root: {
      digest: "sha3-512",
      blockSize: 131_072,
      root: fields.get(TAG.root)?.toString("hex", 4, 68),
    },
  });
});

test("a trailer cut at every byte is a fault where it begins", async (t) => {
  const folder = scratch(t);
  const tail = tailFrame([
    [TAG.kind, Buffer.from("device")],
    [TAG.owner, owner("root")],
  ]);
  for (let cut = 0; cut < tail.length; cut++) {
    const file = join(folder, String(cut));
    writeFileSync(file, Buffer.concat([block, DONE, tail.subarray(0, cut)]));
    const words = new RegExp(`trailer .*at byte ${start} \\(${cut} of (8|${tail.length}) bytes\\)`);
    const names = (list: readonly { frame: string }[]): void =>
      assert.deepEqual(
        list.map(({ frame }) => frame),
        ["data", "done"],
      );
    const { frames, fault } = await framesIn(file);
    names(frames);
    if (cut === 0) assert.equal(fault, undefined);
    else assert.match(fault?.message ?? "", words);
    // The whole program around its header, and near its end.
    if (cut > 9 && cut < tail.length - 1) continue;
    const outcome = await run(["inspect", "--json", file]);
    if (cut === 0) assertSucceeded(outcome);
    else assertFailed(outcome, EXIT.protocol, "inspect", words);
    names(parsed(outcome.stdout));
  }
});

test("a trailer that arrives in pieces, after a frame that fills the buffer", async (t) => {
  const file = join(scratch(t), "blocks");
  for (const after of [0, 1, 3, 7, 8, 9, all.length - 1]) {
    const length = 256 * 1024 - 16 - DONE.length - after;
    writeFileSync(file, Buffer.concat([dataFrame(0, Buffer.alloc(length)), DONE, all, DONE]));
    const { stdout, ...outcome } = await run(["inspect", "--json", file]);
    assertSucceeded(outcome);
    const end = 256 * 1024 - after;
    const [, , tail, trailing] = parsed(stdout);
    assert.equal(tail?.offset, end);
    assert.deepEqual(trailing, { offset: end + all.length, frame: "trailing", length: 4 });
  }
});

test("a damaged trailer, a later one, and one that needs what is unknown", async () => {
  const damaged = Buffer.from(all);
  damaged[20] = (damaged[20] ?? 0) ^ 1;
  const long = Buffer.from("tail\0\0\xff\xff", "latin1");
  for (const [tail, words, advice] of [
    [damaged, /checksum of the `tail` frame is wrong, at byte 23 /, /save/],
    [long, /length 65535 in a `tail` frame .* at byte 23 /, /save/],
    [tailFrame([], [2, 7]), /version 2\.7, not 1, at byte 23 /, /the version of blockcopy/],
    [tailFrame([[0x8abc, DONE]]), /unknown here, at byte 23 /, /the version of blockcopy/],
  ] as const) {
    const outcome = await shownJson(block, DONE, tail);
    assertFailed(outcome, EXIT.protocol, "inspect", words, advice);
    assert.equal(parsed(outcome.stdout).length, 2);
  }
});

test("other bytes are counted: after `done`, after a trailer, and all after a hash stream", async () => {
  const end = async (...parts: Uint8Array[]): Promise<string | undefined> => {
    const { stdout, ...outcome } = await shown(...parts);
    assertSucceeded(outcome);
    return stdout.toString().trimEnd().split("\n").at(-1)?.trim();
  };
  assert.equal(await end(block, DONE, Buffer.from("what")), "23  4 bytes follow done");
  assert.equal(await end(block, DONE, Buffer.from("tai!")), "23  4 bytes follow done");
  assert.equal(await end(block, DONE, all, DONE), `${23 + all.length}  4 bytes follow the trailer`);
  assert.equal(
    await end(DONE, all, all),
    `${4 + all.length}  ${all.length} bytes follow the trailer`,
  );
  assert.equal(await end(unequalHash(0, 1), DONE, all), `84  ${all.length} bytes follow done`);
});
