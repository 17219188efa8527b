// Copies of what a dirty bitmap of QEMU says has changed.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { BLOCK, scratch } from "../support/files/files.ts";
import { assertFailed, assertSucceeded, EXIT, run } from "../support/programs/cli.ts";
import { fakeNbd, FLAG, serveNbd } from "../support/programs/nbd.ts";
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

test("a dirty bitmap of anything but an export of this host is refused", async (t) => {
  const copy = join(scratch(t), "copy");
  writeFileSync(copy, "x");
  const { uri } = await fakeNbd(t, { size: BLOCK, flags: FLAG.flush });
  for (const source of [copy, `host:${uri}`])
    assertFailed(
      await run(["sync", "--ranges", "bitmap:nightly", source, copy]),
      EXIT.usage,
      "sync",
      /the source is no export that this host connects to/,
    );
  // Without structured replies there are no metadata contexts.
  const none = await run(["compare", "--ranges", "bitmap:nightly", uri, copy]);
  assertFailed(none, EXIT.busy, "compare", /does not offer it/);
  const empty = await run(["sync", "--ranges", "bitmap:", uri, copy]);
  assertFailed(empty, EXIT.usage, "sync", /--ranges/);
  const digests = await run(["checksum", "--ranges", "bitmap:nightly", uri]);
  assertFailed(digests, EXIT.usage, "checksum", /--ranges/);
});
