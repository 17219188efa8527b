// Copies of what the server of the source names: what has changed, by a dirty bitmap of QEMU, or what is allocated.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadAddon } from "../../src/native/load.ts";
import { assertSame } from "../support/files/bytes.ts";
import { BLOCK, scratch, writeSparse } from "../support/files/files.ts";
import { assertFailed, assertSucceeded, EXIT, run } from "../support/programs/cli.ts";
import { fakeNbd, FLAG, nbdkit, serveNbd } from "../support/programs/nbd.ts";
import { lacking, system } from "../support/programs/tools.ts";

const SIZE = 4 * 1024 * 1024;

test(
  "only what a dirty bitmap names is copied",
  { skip: lacking("qemu-nbd", "qemu-img", "qemu-io") },
  async (t) => {
    const folder = scratch(t);
    const [image, copy] = [join(folder, "image"), join(folder, "copy")];
    system("qemu-img", "create", "-q", "-f", "qcow2", image, `${SIZE}`);
    system("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 1M", image);
    for (const name of ["nightly", "clean"]) system("qemu-img", "bitmap", "--add", image, name);
    const write = ["-c", "write -P 2 1M 128k", "-c", "write -P 3 3M 1M"];
    system("qemu-io", "-f", "qcow2", ...write, image);
    system("qemu-img", "bitmap", "--clear", image, "clean");
    const bitmaps = ["-B", "nightly", "-B", "clean"];
    const qemu = ["qemu-nbd", "-r", "-t", "-e", "4", "-f", "qcow2"];
    const uri = await serveNbd(t, (socket) => [...qemu, "-k", socket, ...bitmaps, image]);
    const expected = Buffer.alloc(SIZE, 0xff);
    writeFileSync(copy, expected);
    assertSucceeded(await run(["sync", "--ranges", "bitmap:clean", uri, copy]));
    assertSame(readFileSync(copy), expected, "a copy by a bitmap without changes");
    assertSucceeded(await run(["sync", "--ranges", "bitmap:nightly", uri, copy]));
    expected.fill(2, 8 * BLOCK, 9 * BLOCK).fill(3, 24 * BLOCK);
    assertSame(readFileSync(copy), expected, "the copy");
    const equal = await run(["compare", "--ranges", "bitmap:nightly", uri, copy]);
    assert.equal(equal.code, EXIT.ok, equal.stderr);

    const lost = await run(["sync", "--ranges", "bitmap:lost", uri, copy]);
    const what = /cannot read the dirty bitmap lost of nbd.*the server does not offer it/;
    assertFailed(lost, EXIT.busy, "sync", what, /make a full copy/);
    assertSame(readFileSync(copy), expected, "the copy after a lost bitmap");
  },
);

test("only what is allocated is copied", { skip: lacking("nbdkit") }, async (t) => {
  const folder = scratch(t);
  const [file, copy] = [join(folder, "file"), join(folder, "copy")];
  const content = Buffer.alloc(SIZE)
    .fill(1, 0, BLOCK)
    .fill(2, SIZE - BLOCK);
  writeSparse(file, content);
  const uri = await nbdkit(t, "file", file);
  const sync = ["sync", "--ranges", "allocation"];
  const warning = /WARNING \(sync\): what nbd.* has not allocated is not compared: .*--audit/;

  writeFileSync(copy, Buffer.alloc(SIZE));
  const copied = await run([...sync, uri, copy]);
  assert.equal(copied.code, EXIT.ok, copied.stderr);
  assert.match(copied.stderr, warning);
  assertSame(readFileSync(copy), content, "a new copy");

  // The destination was not zero where the source has nothing: an audit finds it.
  writeFileSync(copy, Buffer.alloc(SIZE, 0xff));
  assert.equal((await run([...sync, uri, copy])).code, EXIT.ok);
  const stale = Buffer.from(content).fill(0xff, BLOCK, SIZE - BLOCK);
  assertSame(readFileSync(copy), stale, "a copy to what was not zero");
  const audited = await run([...sync, "--audit", "100%", uri, copy]);
  assert.equal(audited.code, EXIT.incompleteMap, audited.stderr);
  assert.doesNotMatch(audited.stderr, warning);
  assertSame(readFileSync(copy), content, "a copy that was audited");

  // A server that calls data a hole that reads as zeros.
  const pread = `pread=dd if=${file} iflag=skip_bytes,count_bytes skip=$4 count=$3 status=none`;
  const lies = `extents=echo 0 ${SIZE} hole,zero`;
  const words = [`get_size=echo ${SIZE}`, pread, "can_extents=exit 0", lies];
  const liar = await nbdkit(t, "eval", ...words);
  writeFileSync(copy, Buffer.alloc(SIZE));
  assert.equal((await run([...sync, liar, copy])).code, EXIT.ok);
  assertSame(readFileSync(copy), Buffer.alloc(SIZE), "a copy from a server that lies");
  const found = await run([...sync, "--audit", "100%", liar, copy]);
  assertFailed(found, EXIT.incompleteMap, "sync", /2 blocks .* differed, the first at offset 0/);
  assertSame(readFileSync(copy), content, "a copy from a server that lies, audited");

  // There may be millions: they are numbers in a row, not objects.
  const engine = new (loadAddon().Engine)({});
  assert.deepEqual(
    await engine.exportRanges(uri, null, 2),
    new Float64Array([0, BLOCK, SIZE - BLOCK, SIZE]),
  );
  await assert.rejects(engine.exportRanges(uri, null, 1), /more than 1 ranges/);

  const silent = await nbdkit(t, "--no-sr", "file", file);
  const refused = await run([...sync, silent, copy]);
  const what =
    /cannot read the allocation of nbd.*the server does not offer it; leave out --ranges/;
  assertFailed(refused, EXIT.busy, "sync", what);
});

test("a dirty bitmap of anything but an export of this host is refused", async (t) => {
  const folder = scratch(t);
  const [file, copy] = [join(folder, "file"), join(folder, "copy")];
  for (const path of [file, copy]) writeFileSync(path, "x");
  const { uri } = await fakeNbd(t, { size: BLOCK, flags: FLAG.flush });
  for (const source of [file, `host:${uri}`])
    assertFailed(
      await run(["sync", "--ranges", "bitmap:nightly", source, copy]),
      EXIT.usage,
      "sync",
      /the source is no export that this host connects to/,
    );
  const allocated = await run(["sync", "--ranges", "allocation", file, copy]);
  assertFailed(allocated, EXIT.usage, "sync", /a map of what the source has .*give \.\/allocation/);
  // Without structured replies there are no metadata contexts.
  const none = await run(["compare", "--ranges", "bitmap:nightly", uri, copy]);
  assertFailed(none, EXIT.busy, "compare", /does not offer it/);
  const empty = await run(["sync", "--ranges", "bitmap:", uri, copy]);
  assertFailed(empty, EXIT.usage, "sync", /--ranges/);
  const digests = await run(["checksum", "--ranges", "bitmap:nightly", uri]);
  assertFailed(digests, EXIT.usage, "checksum", /--ranges/);
});
