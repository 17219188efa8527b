// Copies on one machine: files and devices of any content become equal, and nothing is written that is equal already.
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertSucceeded, bash, blockcopy, run, type Outcome } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch, writeSparse } from "../support/files/files.ts";
import { bytesWritten, deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountExt4, mountRamfs } from "../support/files/mount.ts";
import { lacking, lackingRoot } from "../support/programs/tools.ts";

/** Asserts success without a word on either output. */
function assertSynced(outcome: Outcome): void {
  assertSucceeded(outcome);
  assert.equal(outcome.stdout.length, 0);
}

/** `content` with the byte at each of `places` changed. */
function changedAt(content: Buffer, ...places: number[]): Buffer {
  const result = Buffer.from(content);
  for (const at of places) result[at] = (result[at] ?? 0) ^ 1;
  return result;
}

const large = noise("large", 40 * BLOCK + 12_345);
const zeros = Buffer.alloc(large.length);

const pairs: [what: string, source: Buffer, destination: Buffer][] = [
  ["equal", large, large],
  ["different everywhere", large, noise("other", large.length)],
  ["different in the first byte", large, changedAt(large, 0)],
  ["different in the last byte", large, changedAt(large, large.length - 1)],
  ["different on both sides of a block's end", large, changedAt(large, 7 * BLOCK - 1, 7 * BLOCK)],
  ["zeros over data", zeros, large],
  ["data over zeros", large, zeros],
  ["empty", Buffer.alloc(0), Buffer.alloc(0)],
  ["one byte", Buffer.from("a"), Buffer.from("b")],
  ["less than a sector", noise(1, 511), noise(2, 511)],
  ["a sector and a byte", noise(1, 513), noise(2, 513)],
  ["one block", noise(1, BLOCK), noise(2, BLOCK)],
  ["a block less one byte", noise(1, BLOCK - 1), noise(2, BLOCK - 1)],
  ["a block and a byte", noise(1, BLOCK + 1), noise(2, BLOCK + 1)],
];
for (const [what, source, destination] of pairs) {
  test(`files that are ${what}`, async (t) => {
    const folder = scratch(t);
    const [from, to] = [join(folder, "source"), join(folder, "destination")];
    writeFileSync(from, source);
    writeFileSync(to, destination);
    assertSynced(await run(["sync", from, to]));
    assertSame(readFileSync(to), source, "the destination");
    assertSame(readFileSync(from), source, "the source");
  });
}

test("holes on either side", async (t) => {
  const folder = scratch(t);
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  const [source, destination] = [noise("holes", 60 * BLOCK + 77), noise("other", 60 * BLOCK + 77)];
  source.fill(0, 10 * BLOCK, 40 * BLOCK - 4096);
  destination.fill(0, 20 * BLOCK + 4096, 50 * BLOCK);
  writeSparse(from, source);
  writeSparse(to, destination);
  assertSynced(await run(["sync", from, to]));
  assertSame(readFileSync(to), source, "the destination");
});

test("a file that is equal is not written", async (t) => {
  const folder = scratch(t);
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  writeFileSync(from, large);
  writeFileSync(to, large);
  const before = statSync(to, { bigint: true });
  assertSynced(await run(["sync", from, to]));
  const { mtimeNs, ctimeNs, blocks } = statSync(to, { bigint: true });
  assert.deepEqual([mtimeNs, ctimeNs, blocks], [before.mtimeNs, before.ctimeNs, before.blocks]);
});

for (const sectorSize of [512, 4096] as const) {
  // Not a multiple of the block size: the last block ends with the device.
  const size = 40 * BLOCK + 3 * sectorSize;
  const source = noise(`source ${sectorSize}`, size);
  const other = changedAt(source, 0, 17 * BLOCK, size - 1);
  const title = `${sectorSize}-byte sectors`;

  test(`file to device, ${title}`, { skip: lackingLoop }, async (t) => {
    const folder = scratch(t);
    const from = join(folder, "source");
    writeFileSync(from, source);
    const to = loopWith(t, folder, other, { sectorSize });
    assertSynced(await run(["sync", from, to.path]));
    assertSame(deviceContent(to), source);
  });

  test(`device to file, ${title}`, { skip: lackingLoop }, async (t) => {
    const folder = scratch(t);
    const from = loopWith(t, folder, source, { sectorSize, readOnly: true });
    const to = join(folder, "destination");
    writeFileSync(to, other);
    assertSynced(await run(["sync", from.path, to]));
    assertSame(readFileSync(to), source);
  });

  test(
    `device to device, only what differs is written, ${title}`,
    { skip: lackingLoop },
    async (t) => {
      const folder = scratch(t);
      const from = loopWith(t, folder, source, { sectorSize });
      const to = loopWith(t, folder, other, { sectorSize });
      const before = bytesWritten(to);
      assertSynced(await run(["sync", from.path, to.path]));
      const written = bytesWritten(to) - before;
      assertSame(deviceContent(to), source);
      // Two whole blocks, and the short one at the end, which takes whole pages of the page cache.
      assert.ok(written >= 2 * BLOCK && written <= 2 * BLOCK + 16_384, `${written} bytes`);

      assertSynced(await run(["sync", from.path, to.path]));
      assert.equal(bytesWritten(to) - before, written, "an equal device was written");
    },
  );
}

test(
  "a device that is mounted may be the source",
  { skip: lackingLoop || lacking("mkfs.ext4", "mount") },
  async (t) => {
    const folder = scratch(t);
    const from = loopWith(t, folder, Buffer.alloc(4 * 2 ** 20));
    mountExt4(t, folder, from);
    const to = join(folder, "destination");
    writeFileSync(to, noise("other", 4 * 2 ** 20));
    assertSynced(await run(["sync", from.path, to]));
    // Of the device itself a mounted filesystem shows what it has not written and may never write.
    assertSame(readFileSync(to), readFileSync(from.backing));
  },
);

for (const [what, place] of [
  ["to a filesystem without direct access", "destination"],
  ["from a filesystem without direct access", "source"],
] as const) {
  test(what, { skip: lackingRoot("mount", "umount") }, async (t) => {
    const folder = scratch(t);
    const point = mountRamfs(t, folder);
    const from = join(place === "source" ? point : folder, "source");
    const to = join(place === "destination" ? point : folder, "destination");
    writeFileSync(from, large);
    writeFileSync(to, changedAt(large, 1, 9 * BLOCK, large.length - 1));
    assertSynced(await run(["sync", from, to]));
    assertSame(readFileSync(to), large);
  });
}

test("files on /dev/shm", async (t) => {
  const folder = scratch(t, "/dev/shm");
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  writeFileSync(from, large);
  writeFileSync(to, changedAt(large, 3 * BLOCK));
  assertSynced(await run(["sync", from, to]));
  assertSame(readFileSync(to), large);
});

// A descriptor that is free is what the next open gets: a message must not end up on the disk.
test("the standard descriptors may be closed", async (t) => {
  const folder = scratch(t);
  const [from, to, longer] = ["source", "destination", "longer"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  writeFileSync(from, large);
  writeFileSync(longer, Buffer.concat([large, large]));
  for (const closed of ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"]) {
    writeFileSync(to, changedAt(large, 0, 3 * BLOCK));
    await bash(`${blockcopy("sync", "-v", longer, to)} ${closed}`);
    assertSame(
      readFileSync(to),
      changedAt(large, 0, 3 * BLOCK),
      `the destination refused with ${closed}`,
    );
    const { code, stderr } = await bash(`${blockcopy("sync", "-v", from, to)} ${closed}`);
    assert.equal(code, 0, stderr);
    assertSame(readFileSync(to), large, `the destination with ${closed}`);
    assertSame(readFileSync(from), large, `the source with ${closed}`);
  }
});
