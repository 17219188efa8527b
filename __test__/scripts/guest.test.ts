import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { Power } from "../../scripts/guest/disk/power.ts";
import { Random } from "../../scripts/guest/disk/random.ts";
import { MediaError, VolatileDisk } from "../../scripts/guest/disk/volatile-disk.ts";
import { judge } from "../../scripts/guest/judge.ts";
import { Monitor } from "../../scripts/guest/machine/qmp.ts";
import { thinDeltaRecipe } from "../../scripts/guest/recipe.ts";

const block = (byte: number): Buffer => Buffer.alloc(512, byte);
const random = (): Random => new Random(1, "test");

test("a power cut keeps what was flushed, and some of the sectors that were not", () => {
  const disk = new VolatileDisk(200 * 512, 512);
  for (let sector = 0; sector < 100; sector += 1) disk.write(sector * 512, block(1));
  disk.flush();
  for (let sector = 50; sector < 150; sector += 1) disk.write(sector * 512, block(2));
  assert.deepEqual(disk.read(149 * 512, 512), block(2), "the cache is read before the cut");
  const lost = disk.losePower(random());
  const contents = Array.from({ length: 200 }, (_, sector) => disk.read(sector * 512, 512)[0] ?? 0);
  assert.ok(contents.slice(0, 50).every((byte) => byte === 1));
  assert.equal(contents.slice(50, 150).filter((byte) => byte !== 2).length, lost);
  assert.ok(lost > 10 && lost < 90, `${lost} of 100 sectors lost`);
});

test("a power cut may keep an older one of several writes", () => {
  const disk = new VolatileDisk(64 * 512, 512);
  for (const byte of [1, 2]) {
    for (let sector = 0; sector < 64; sector += 1) disk.write(sector * 512, block(byte));
  }
  disk.losePower(random());
  assert.deepEqual(new Set(disk.read(0, 64 * 512)), new Set([0, 1, 2]));
});

test("after the cut, nothing reaches the disk, and the last write may be torn", () => {
  const power = new Power(random());
  let cuts = 0;
  power.arm(2, () => (cuts += 1));
  assert.equal(power.spend(Buffer.alloc(4096), 512).length, 4096);
  assert.ok(power.spend(Buffer.alloc(4096), 512).length <= 4096);
  assert.equal(power.spend(Buffer.alloc(4096), 512).length, 0);
  assert.equal(power.allowsFlush(), false);
  assert.equal(cuts, 1);
});

test("a bad sector fails until it is written", () => {
  const disk = new VolatileDisk(4 * 512, 512);
  disk.damage(1000);
  assert.throws(() => disk.read(0, 1024), MediaError);
  assert.deepEqual(disk.read(0, 512), block(0));
  disk.write(512, block(3));
  assert.deepEqual(disk.read(512, 512), block(3));
});

test("a row fails by any fact that differs, is missing or is not expected", () => {
  const expected = { code: 74, destination: "kept", says: /No space/ };
  const state = (facts: [string, string][], text: string[]): string =>
    judge("t", { name: "r", facts: new Map(facts), text, skipped: undefined }, expected).state;
  const both: [string, string][] = [
    ["code", "74"],
    ["destination", "kept"],
  ];
  assert.equal(state(both, ["No space left"]), "passed");
  assert.equal(state(both, ["something else"]), "failed");
  assert.equal(state(both.slice(1), ["No space left"]), "failed");
  assert.equal(state([...both, ["tail", "changed"]], ["No space left"]), "failed");
});

test(
  "a command fails if qemu ends before the answer, or has ended",
  { timeout: 10_000 },
  async () => {
    const answers = new PassThrough();
    const monitor = new Monitor(answers, new PassThrough());
    const early = assert.rejects(monitor.send("early"), /early: qemu has ended/);
    answers.destroy();
    await early;
    await assert.rejects(monitor.send("late"), /late: qemu has ended/);
  },
);

test("LVM accepts the names of volumes in the docs, and the manual has its recipe", () => {
  assert.match(
    thinDeltaRecipe(),
    /reserve_metadata_snap[^]*thin_delta [^]*blockcopy sync --ranges/,
  );
  // lvm(8): names may not begin with "snapshot" or "pvmove".
  const { stdout: found } = spawnSync(
    "git",
    [
      "grep",
      "-nE",
      "/dev/vg/(snapshot|pvmove)",
      "--",
      "docs",
      "examples",
      "man",
      "README.md",
      "src",
    ],
    { encoding: "utf8" },
  );
  assert.equal(found, "");
});
