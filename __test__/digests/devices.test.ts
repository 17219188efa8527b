// A digest cache of a device: what another process writes to it is counted by the kernel; what changes below it, only reading shows.
import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  assertNight,
  assertTrue,
  bytesRead,
  hashes,
  night,
  type Kept,
} from "../support/files/cache.ts";
import {
  assertCopied,
  assertFailed,
  assertSucceeded,
  EXIT,
  pipeline,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { deviceContent, lackingLoop, loopWith, type Loop } from "../support/files/loop.ts";
import { lackingTrace, system } from "../support/programs/tools.ts";
import { trace, TRANSFERS } from "../support/programs/trace.ts";

const SIZE = 100 * BLOCK;

/** A source, a device that has another content and `larger` bytes more, and no digests yet. */
function device(t: TestContext, larger = 0): Kept & { content: Buffer; loop: Loop } {
  const folder = scratch(t);
  const source = join(folder, "source");
  const content = noise(1, SIZE);
  writeFileSync(source, content);
  const loop = loopWith(t, folder, noise(2, SIZE + larger));
  return { source, destination: loop.path, cache: join(folder, "cache"), content, loop };
}

/** Writes `text` into a device or file, at an offset in bytes. */
function writeAt(path: string, text: string, offset: number): void {
  const fd = openSync(path, "r+");
  writeSync(fd, text, offset);
  closeSync(fd);
}

function cached({ cache, destination }: Kept): ReturnType<typeof run> {
  return run(["checksum", "--extended", "--cached", cache, destination]);
}

test("nights in a row, also of a device that is larger", { skip: lackingLoop }, async (t) => {
  for (const larger of [0, 3 * BLOCK]) {
    const copy = device(t, larger);
    const { source, destination, cache, content, loop } = copy;
    for (let index = 0; index < 2; index++) {
      content.write(`night ${index}`, index * 20 * BLOCK);
      content.fill(0, (index * 10 + 5) * BLOCK, (index * 10 + 7) * BLOCK);
      writeFileSync(source, content);
      assertNight(await night(copy), index === 0);
      assert.ok(deviceContent(loop).subarray(0, SIZE).equals(content));
      await assertTrue(cache, destination);
    }
  }
});

test(
  "the device is neither read by `checksum` nor by `save`",
  { skip: lackingLoop || lackingTrace() },
  async (t) => {
    const copy = device(t, 2 * BLOCK);
    const { source, destination, cache, content } = copy;
    const checksum = ["--block-size", "4K"];
    assertNight(await night({ ...copy, checksum }), true);
    content.write("changed", 5_000_000);
    writeFileSync(source, content);
    const folder = scratch(t);
    const [first, last] = [trace(folder, TRANSFERS), trace(folder, TRANSFERS)];
    const sent = await run(["checksum", "--extended", "--cached", cache, destination], first);
    assertSucceeded(sent);
    const answer = await run(["retrieve", source], { stdin: sent.stdout });
    const save = ["save", "--update-digests", cache, destination];
    assertSucceeded(await run(save, { ...last, stdin: answer.stdout }));
    assert.ok(bytesRead(first.calls(), destination) <= 64 * 2 * 4096);
    assert.equal(bytesRead(last.calls(), destination), 0);
    await assertTrue(cache, destination, checksum);
  },
);

test("a device that was written to all over is found out", { skip: lackingLoop }, async (t) => {
  const copy = device(t);
  const { destination, cache, loop } = copy;
  writeFileSync(cache, await hashes(destination));
  writeFileSync(destination, noise(3, SIZE));
  const outcome = await cached(copy);
  const message =
    /cache does not hold .* as it is now: the block at offset \d+ has changed; remove/;
  assertFailed(outcome, EXIT.otherDestination, "checksum", message);
  assert.equal(outcome.stdout.length, 0);
  assert.ok(deviceContent(loop).equals(noise(3, SIZE)));
});

test(
  "a look at 64 blocks: half of them changed, and all of a small one",
  { skip: lackingLoop },
  async (t) => {
    const copy = device(t);
    const { destination, cache, content } = copy;
    writeFileSync(cache, await hashes(destination));
    // Every second block: a sample of 64 that misses them all is less likely than a fault of the machine.
    const half = deviceContent(copy.loop);
    for (let at = 0; at < SIZE; at += 2 * BLOCK) content.copy(half, at, at, at + BLOCK);
    writeFileSync(destination, half);
    assertFailed(await cached(copy), EXIT.otherDestination, "checksum", /has changed/);
    // 100 blocks of 128 KiB are 13 of 1 MiB, few enough to look at each.
    const options = ["--block-size", "1M"];
    writeFileSync(cache, await hashes(destination, options));
    half[SIZE - 1] = (half[SIZE - 1] ?? 0) ^ 1;
    writeFileSync(destination, half);
    const last = 12 * 2 ** 20;
    assertFailed(
      await cached(copy),
      EXIT.otherDestination,
      "checksum",
      new RegExp(`offset ${last} has changed`),
    );
  },
);

test("another device, and one that has grown", { skip: lackingLoop }, async (t) => {
  const copy = device(t);
  const { destination, cache, loop } = copy;
  writeFileSync(cache, await hashes(destination));
  const other = loopWith(t, scratch(t), readFileSync(loop.backing));
  const found = await cached({ ...copy, destination: other.path });
  assertFailed(
    found,
    EXIT.otherDestination,
    "checksum",
    /but of another file or device; give this destination's own/,
  );
  truncateSync(loop.backing, SIZE + BLOCK);
  system("losetup", "--set-capacity", destination);
  const grown = new RegExp(`they are of ${SIZE} bytes, and it has ${SIZE + BLOCK}`);
  assertFailed(await cached(copy), EXIT.otherDestination, "checksum", grown);
  // Without it all is read, and it is of what there is now.
  const save = ["--update-digests", cache];
  assertCopied(await pipeline({ ...copy, checksum: ["--extended"], save }));
  await assertTrue(cache, destination);
});

test("one byte that others write to a device is noticed", { skip: lackingLoop }, async (t) => {
  const copy = device(t);
  const { source, destination, cache, content, loop } = copy;
  // With this number of blocks, a look at 64 hardly ever meets the changed one.
  const checksum = ["--block-size", "4K"];
  assertNight(await night({ ...copy, checksum }), true);
  assertNight(await night({ ...copy, checksum }));
  writeAt(destination, "?", 7 * BLOCK);
  const refused = /does not hold .* as it is now: something else has written to it since; remove/;
  assertFailed(await cached(copy), EXIT.otherDestination, "checksum", refused);
  // Between the digests and the first write, too: what is kept is then made from the device.
  writeFileSync(cache, await hashes(destination, checksum));
  content.fill(3, 0, BLOCK);
  writeFileSync(source, content);
  const answer = await run(["retrieve", source], { stdin: (await cached(copy)).stdout });
  assertSucceeded(answer);
  writeAt(destination, "?", 50 * BLOCK);
  const save = ["save", "--update-digests", cache, destination];
  await run(save, { stdin: answer.stdout });
  await assertTrue(cache, destination, checksum);
  content.write("?", 50 * BLOCK);
  assert.ok(deviceContent(loop).equals(content));
});

test(
  "a block that changes below a device stays unnoticed until everything is read or verified",
  { skip: lackingLoop },
  async (t) => {
    for (const way of ["--verify=full", "without --cached"]) {
      const copy = device(t);
      const { source, destination, cache, content, loop } = copy;
      // With this number of blocks, a look at 64 hardly ever meets the changed one.
      const checksum = ["--block-size", "4K"];
      assertNight(await night({ ...copy, checksum }), true);
      writeAt(loop.backing, "by others", 7 * BLOCK);
      writeFileSync(source, content);
      if (way === "--verify=full") {
        const outcome = await night({ ...copy, checksum, save: [way] });
        const [code = null, , last = null] = outcome.codes;
        // Once in fifty runs it is met by chance.
        const [stage, stderr] =
          code === 0 ? ["save", outcome.stderr[2]] : ["checksum", outcome.stderr[0]];
        assertFailed(
          { code: code === 0 ? last : code, stderr: stderr ?? "" },
          code === 0 ? EXIT.differs : EXIT.otherDestination,
          stage,
        );
        if (code === 0) assertNight(await night({ ...copy, checksum }), true);
        else continue;
      } else {
        const save = ["--update-digests", cache];
        assertCopied(await pipeline({ ...copy, checksum: ["--extended", ...checksum], save }));
      }
      assert.ok(deviceContent(loop).equals(content), way);
      await assertTrue(cache, destination, checksum);
    }
  },
);

test("others have made a block what the source has", { skip: lackingLoop }, async (t) => {
  const copy = device(t);
  const { destination, cache, content, loop } = copy;
  writeFileSync(cache, await hashes(destination));
  const bytes = deviceContent(loop);
  content.copy(bytes, 7 * BLOCK, 7 * BLOCK, 8 * BLOCK);
  writeFileSync(destination, bytes);
  // It is not sent, and what was kept of it is wrong.
  const save = ["--update-digests", cache];
  assertCopied(await pipeline({ ...copy, checksum: ["--extended"], save }));
  assert.ok(deviceContent(loop).equals(content));
  await assertTrue(cache, destination);
});
