// Snapshots that cannot be made: the copy is refused, and never made of the source itself instead.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { lackingLoop, loopWith } from "../support/files/loop.ts";
import { noise } from "../support/files/files.ts";
import { mountTmpfs } from "../support/files/mount.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { lackingRoot } from "../support/programs/tools.ts";

test("a file", { skip: lackingRoot("mount") }, async (t) => {
  const { folder, to } = pair(t);
  // tmpfs has no clones, on any kernel.
  const from = join(mountTmpfs(t, folder, 16 * 2 ** 20), "disk");
  writeFileSync(from, SOURCE);
  for (const [words, code, says] of [
    [
      ["--snapshot", "auto"],
      EXIT.busy,
      /disk cannot be cloned: its file system cannot clone files/,
    ],
    [["--snapshot", "reflink"], EXIT.busy, /disk cannot be cloned: its file system cannot/],
    [["--snapshot", "lvm"], EXIT.usage, /--snapshot lvm cannot be used: .*disk is a file/],
    [["--snapshot", "thin"], EXIT.usage, /--snapshot thin cannot be used: .*disk is a file/],
    [["--snapshot", "auto", "--snapshot-size", "1G"], EXIT.usage, /--snapshot-size cannot be used/],
    [["--snapshot", "snap"], EXIT.usage, /"snap" is not auto, lvm, thin, reflink or none/],
  ] as const) {
    assertFailed(await run(["sync", ...words, from, to]), code, "sync", says);
  }
  // A dry run refuses it too.
  const rehearsed = await run(["sync", "-n", "--snapshot", "thin", from, to]);
  assertFailed(rehearsed, EXIT.usage, "sync", /disk is a file/);
  assertSame(readFileSync(to), changedIn(SOURCE, 0, 17, 30), "the destination");
});

test("a device that is no LVM volume", { skip: lackingLoop }, async (t) => {
  const { folder, to } = pair(t, { destination: noise("other", 1 << 20) });
  const loop = loopWith(t, folder, noise("device", 1 << 20));
  const ran = join(folder, "ran");
  for (const [kind, says] of [
    ["auto", /--snapshot auto cannot be used: \/dev\/loop\d+ is no LVM volume/],
    ["lvm", /is no LVM volume/],
    ["thin", /is no LVM volume/],
    ["reflink", /\/dev\/loop\d+ is a device, and it clones files/],
  ] as const) {
    const words = ["--snapshot", kind, "--before", `touch ${ran}`, "--after", `touch ${ran}`];
    assertFailed(await run(["sync", ...words, loop.path, to]), EXIT.usage, "sync", says);
  }
  assert.ok(!existsSync(ran), "a command was run for a copy that was refused");
  assertSame(readFileSync(to), noise("other", 1 << 20), "the destination");
});
