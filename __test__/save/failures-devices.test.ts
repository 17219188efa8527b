// Devices that must not be written: in use, read-only, or too small for what the stream asks.
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertFailed, assertSucceeded, EXIT, run } from "../support/programs/cli.ts";
import { defer } from "../support/cleanup.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { attach, deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountedLoop, mountExt4 } from "../support/files/mount.ts";
import { hasOpened, makePipe, start } from "../support/programs/pipe.ts";
import { lacking, system } from "../support/programs/tools.ts";
import { dataFrame, DONE, dlzmFrame, xz } from "../support/wire/frames.ts";

const skip = lackingLoop;

test(
  "save onto a mounted device is refused, and --force overrides",
  { skip: skip || lacking("mkfs.ext4", "mount") },
  async (t) => {
    const folder = scratch(t);
    const { loop, point } = mountedLoop(t, folder);
    const before = deviceContent(loop);
    // The last block of so small a filesystem is free: --force may have it.
    const at = before.length - BLOCK;
    const stdin = Buffer.concat([dataFrame(at, noise("forced", BLOCK)), DONE]);

    assertFailed(
      await run(["save", loop.path], { stdin }),
      EXIT.busy,
      "save",
      new RegExp(loop.path),
      new RegExp(point),
      /--force/,
    );
    assert.ok(deviceContent(loop).equals(before), "the mounted device changed");

    const forced = await run(["save", "--force", loop.path], { stdin });
    assert.equal(forced.code, EXIT.ok, forced.stderr);
    assert.ok(deviceContent(loop).subarray(at).equals(noise("forced", BLOCK)));
  },
);

test(
  "checksum and retrieve read a mounted device",
  { skip: skip || lacking("mkfs.ext4", "mount") },
  async (t) => {
    const folder = scratch(t);
    const backing = join(folder, "filesystem");
    writeFileSync(backing, Buffer.alloc(4 * 2 ** 20));
    const loop = attach(t, backing);
    mountExt4(t, folder, loop);
    assertSucceeded(await run(["checksum", loop.path]));
    assertSucceeded(await run(["retrieve", loop.path], { stdin: DONE }));
  },
);

test("save onto a read-only device is refused", { skip }, async (t) => {
  const content = noise("read-only", 2 * BLOCK);
  const loop = loopWith(t, scratch(t), content, { readOnly: true });
  const stdin = Buffer.concat([dataFrame(0, noise("other", BLOCK)), DONE]);
  for (const force of [[], ["--force"]]) {
    assertFailed(
      await run(["save", ...force, loop.path], { stdin }),
      EXIT.permission,
      "save",
      new RegExp(loop.path),
      /read-only/i,
    );
  }
  assert.ok(deviceContent(loop).equals(content));
});

test("a device set read-only with blockdev is refused", { skip }, async (t) => {
  const loop = loopWith(t, scratch(t), noise("read-only", 2 * BLOCK));
  system("blockdev", "--setro", loop.path);
  // The setting outlives the attachment: the next user of this loop device would meet it.
  defer(t, () => system("blockdev", "--setrw", loop.path));
  assertFailed(
    await run(["save", loop.path], { stdin: DONE }),
    EXIT.permission,
    "save",
    /read-only/i,
  );
});

test(
  "a second save on the same device is refused while checksum may read it",
  { skip },
  async (t) => {
    const content = noise("shared", 2 * BLOCK);
    const loop = loopWith(t, scratch(t), content);
    const { reader, writer } = makePipe(t);
    const first = start(t, ["save", loop.path], { stdin: reader.fd });
    await hasOpened(first, loop.path);

    const stdin = Buffer.concat([dataFrame(0, noise("second", BLOCK)), DONE]);
    assertFailed(
      await run(["save", loop.path], { stdin }),
      EXIT.busy,
      "save",
      new RegExp(loop.path),
    );
    assertSucceeded(await run(["checksum", loop.path]));

    writeFileSync(writer.fd, DONE);
    writer.close();
    assert.deepEqual(await first.ended, { code: EXIT.ok, signal: null });
    assert.ok(deviceContent(loop).equals(content));
  },
);

const size = 2 * BLOCK + 1024;
const payload = noise("beyond", 4096);
const beyond: [what: string, position: number | bigint][] = [
  ["begins where the device ends", size],
  ["begins far after the end of the device", 10n ** 15n],
  ["straddles the end of the device", size - 1024],
];
for (const [what, position] of beyond) {
  for (const codec of ["data", "dlzm"] as const) {
    test(
      `save refuses a ${codec} frame that ${what}`,
      { skip: skip || lacking("xz") },
      async (t) => {
        const content = noise("device", size);
        const loop = loopWith(t, scratch(t), content);
        const frame =
          codec === "data" ? dataFrame(position, payload) : dlzmFrame(position, xz(payload));
        const outcome = await run(["save", loop.path], { stdin: Buffer.concat([frame, DONE]) });
        assertFailed(
          outcome,
          EXIT.protocol,
          "save",
          new RegExp(`\\b${position}\\b`),
          new RegExp(loop.path),
        );
        assert.ok(deviceContent(loop).equals(content), "the device changed");
      },
    );
  }
}

test("save refuses a regular file in /dev, which would fill the memory", { skip }, async (t) => {
  const path = `/dev/blockcopy-test-${process.pid}`;
  writeFileSync(path, "");
  defer(t, () => rmSync(path));
  const outcome = await run(["save", path], { stdin: Buffer.concat([dataFrame(0, DONE), DONE]) });
  assertFailed(outcome, EXIT.usage, "save", /regular file, not a device/);
  assert.equal(readFileSync(path).length, 0);
});
