// Copies from and to the exports of NBD servers, by each command.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { noise, scratch, writeSparse } from "../support/files/files.ts";
import { environmentHere, lackingHosts, prefixHere } from "../support/hosts/hosts.ts";
import {
  assertCopied,
  assertFailed,
  assertSucceeded,
  EXIT,
  pipeline,
  run,
} from "../support/programs/cli.ts";
import { fakeNbd, FLAG, NBD, nbdkit, qemuNbd } from "../support/programs/nbd.ts";
import { changedIn } from "../support/programs/sync-pair.ts";
import { lacking } from "../support/programs/tools.ts";
import { dataFrame, DONE } from "../support/wire/frames.ts";

const MIB = 1024 * 1024;

/** Data, zeros, and a last block that is short. */
const SOURCE = Buffer.concat([
  noise("a", 3 * MIB),
  Buffer.alloc(4 * MIB),
  noise("b", MIB + 12_345),
]);

/** The same, in whole blocks: a multiple of 64 KiB. */
const EVEN = SOURCE.subarray(0, 8 * MIB);

/** A file with the content of a source, one with another content, and one to be served. */
function files(
  t: TestContext,
  content: Buffer,
): { source: string; served: string; copy: string; folder: string } {
  const folder = scratch(t);
  const [source, served, copy] = ["source", "served", "copy"].map((name) => join(folder, name));
  writeSparse(source ?? "", content);
  writeFileSync(served ?? "", changedIn(content, 0, 17, 30));
  writeFileSync(copy ?? "", Buffer.alloc(content.length, 1));
  return { source: source ?? "", served: served ?? "", copy: copy ?? "", folder };
}

const SERVERS: [
  name: string,
  content: Buffer,
  serve: (t: TestContext, file: string) => Promise<string>,
][] = [
  ["nbdkit", SOURCE, (t, file) => nbdkit(t, "file", file)],
  ["nbdkit without structured replies", SOURCE, (t, file) => nbdkit(t, "--no-sr", "file", file)],
  [
    "nbdkit that tells of no extents and zeroes nothing",
    SOURCE,
    (t, file) => nbdkit(t, "--filter=noextents", "--filter=nozero", "file", file),
  ],
  [
    "nbdkit that demands blocks of 64 KiB, and refuses requests of more than two",
    EVEN,
    (t, file) =>
      nbdkit(
        t,
        "--filter=blocksize-policy",
        "file",
        file,
        "blocksize-minimum=64K",
        "blocksize-preferred=64K",
        "blocksize-maximum=128K",
        "blocksize-error-policy=error",
      ),
  ],
  ["qemu-nbd", EVEN, (t, file) => qemuNbd(t, file)],
];

for (const [name, content, serve] of SERVERS)
  test(
    `sync to and from an export of ${name}`,
    { skip: lacking("nbdkit", "qemu-nbd") },
    async (t) => {
      const { source, served, copy } = files(t, content);
      const uri = await serve(t, served);
      assertSucceeded(await run(["sync", "--sparse", source, uri]));
      assertSame(readFileSync(served), content, "what is served");
      assertSucceeded(await run(["sync", uri, copy]));
      assertSame(readFileSync(copy), content, "the copy");
    },
  );

test(
  "parts of blocks are written to a server that only takes whole ones",
  { skip: lacking("nbdkit") },
  async (t) => {
    const { source, served } = files(t, EVEN);
    const expected = Buffer.from(EVEN);
    const policy = ["minimum=64K", "preferred=64K", "error-policy=error"].map(
      (word) => `blocksize-${word}`,
    );
    const uri = await nbdkit(t, "--filter=blocksize-policy", "file", served, ...policy);
    // Every other 4 KiB, so that several writes at a time are about the same block of the server.
    const small = Buffer.from(EVEN);
    for (let at = 0; at < 2 * MIB; at += 8192) small[at] = (small[at] ?? 0) ^ 1;
    writeFileSync(served, small);
    assertSucceeded(await run(["sync", "--block-size=4K", source, uri]));
    assertSame(readFileSync(served), EVEN, "what is served");

    const frames = [10, 4096 * 5 - 1, 70_000, EVEN.length - 3].map((offset, index) => {
      const bytes = noise(index, index === 3 ? 3 : 9000 * (index + 1));
      bytes.copy(expected, offset);
      return dataFrame(offset, bytes);
    });
    assertSucceeded(await run(["save", uri], { stdin: Buffer.concat([...frames, DONE]) }));
    assertSame(readFileSync(served), expected, "what is served after blocks at any offset");
  },
);

test("three stages from one export to another", { skip: lacking("nbdkit") }, async (t) => {
  const { source, served } = files(t, SOURCE);
  const [from, to] = [await nbdkit(t, "file", source), await nbdkit(t, "file", served)];
  const copied = await pipeline({ source: from, destination: to });
  assertCopied(copied);
  assertSame(readFileSync(served), SOURCE, "what is served");
});

test(
  "a server with too few places for more connections is used without waiting",
  { skip: lacking("qemu-nbd") },
  async (t) => {
    // qemu-nbd says that several connections show the same content, and never serves the third.
    const content = noise("places", 32 * MIB);
    const { source, served, copy } = files(t, content);
    const uri = await qemuNbd(t, served, 2);
    // Far from the 30 seconds that a handshake may take.
    const soon = { timeoutMs: 20_000 };
    assertSucceeded(await run(["sync", source, uri], soon));
    assertSame(readFileSync(served), content, "what is served");
    assertSucceeded(await run(["sync", uri, copy], soon));
    assertSame(readFileSync(copy), content, "the copy");
    writeFileSync(served, changedIn(content, 0, 17, 30));
    const destination = await qemuNbd(t, served, 8);
    assertCopied(await pipeline({ source, destination }));
    assertSame(readFileSync(served), content, "what is served to the stages");
  },
);

test(
  "exports that another host reaches, as source and as destination",
  { skip: lackingHosts || lacking("nbdkit") },
  async (t) => {
    const { source, served, copy } = files(t, SOURCE);
    const uri = await nbdkit(t, "file", served);
    const start = (...args: string[]): ReturnType<typeof run> =>
      run(args, { prefix: prefixHere(), env: environmentHere() });
    assertSucceeded(await start("sync", source, `one:${uri}`));
    assertSame(readFileSync(served), SOURCE, "what is served");
    assertSucceeded(await start("sync", `one:${uri}`, copy));
    assertSame(readFileSync(copy), SOURCE, "the copy");
    const compared = await start("compare", `one:${uri}`, uri);
    assertFailed(compared, EXIT.usage, "compare", /are the same/);
  },
);

test(
  "what is written is what was sent, and is synced after it",
  { skip: lacking("nbdkit") },
  async (t) => {
    const { source, folder } = files(t, SOURCE);
    const log = join(folder, "log");
    // It refuses anything but the content that it serves.
    const filters = ["--filter=log", "--filter=checkwrite"];
    const uri = await nbdkit(t, ...filters, "file", source, `logfile=${log}`);
    const empty = join(folder, "empty");
    writeFileSync(empty, Buffer.alloc(SOURCE.length, 1));
    const outcome = await pipeline({ source, destination: empty });
    assertCopied(outcome);
    writeFileSync(empty, Buffer.alloc(SOURCE.length, 1));
    const blocks = await run(["checksum", empty]);
    const answer = await run(["retrieve", source], { stdin: blocks.stdout });
    assertSucceeded(await run(["save", "--sparse", uri], { stdin: answer.stdout }));
    const lines = readFileSync(log, "utf8").split("\n");
    const done = (word: string): number =>
      lines.findLastIndex((line) => new RegExp(`[. ]${word} `, "i").test(line));
    assert.ok(done("Zero") > 0, "zeros are not sent");
    assert.ok(done("Flush") > Math.max(done("Write"), done("Zero")), "a flush comes last");
  },
);

test(
  "zeros of an export are not read, and a hole that may have data is",
  { skip: lacking("nbdkit") },
  async (t) => {
    const { source, folder } = files(t, SOURCE);
    const log = join(folder, "log");
    const sparse = await nbdkit(t, "--filter=log", "file", source, `logfile=${log}`);
    const expected = await run(["checksum", "--root", source]);
    const found = await run(["checksum", "--root", sparse]);
    assert.equal(found.stdout.toString(), expected.stdout.toString());
    const offsets = [...readFileSync(log, "utf8").matchAll(/ Read .*offset=(0x[0-9a-f]+)/g)];
    const inHole = offsets.filter(([, at]) => Number(at) >= 3 * MIB && Number(at) < 7 * MIB);
    assert.ok(offsets.length > 3);
    assert.deepEqual(inHole, []);

    const content = Buffer.alloc(MIB, "x");
    const file = join(folder, "holes");
    writeFileSync(file, content);
    const holes = await nbdkit(
      t,
      "eval",
      `get_size=echo ${content.length}`,
      `pread=dd if=${file} iflag=skip_bytes,count_bytes skip=$4 count=$3 status=none`,
      "can_extents=exit 0",
      `extents=echo 0 ${content.length} hole`,
    );
    assert.equal(
      (await run(["checksum", "--root", holes])).stdout.toString(),
      (await run(["checksum", "--root", file])).stdout.toString(),
    );
  },
);

test("without a flush each write is one that waits for the disk", async (t) => {
  const source = join(scratch(t), "source");
  writeFileSync(source, noise("s", MIB));
  const { uri, requests } = await fakeNbd(t, { size: MIB, flags: FLAG.fua });
  assertSucceeded(await run(["sync", source, uri]));
  const writes = requests.filter(({ command }) => command === NBD.write);
  assert.ok(writes.length > 0);
  assert.ok(writes.every(({ flags }) => flags === 1));
  assert.ok(!requests.some(({ command }) => command === NBD.flush));
});
