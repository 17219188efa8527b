// Copies with block devices at either end, and where checksum reads from.
import assert from "node:assert/strict";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  assertCopied,
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  EXIT,
  pipeline,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { attach, deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { copied } from "../support/wire/copy-model.ts";
import { lacking } from "../support/programs/tools.ts";
import { DONE, hashStream, unequalHash } from "../support/wire/frames.ts";
import { untilDone } from "../support/wire/trailer.ts";

const skip = lackingLoop;

/** `content` with every third block replaced. */
function changed(content: Buffer): Buffer {
  const result = Buffer.from(content);
  for (let at = 0; at < content.length; at += 3 * BLOCK)
    noise(`changed at ${at}`, Math.min(BLOCK, content.length - at)).copy(result, at);
  return result;
}

for (const sectorSize of [512, 4096] as const) {
  // Not a multiple of the block size: the last block ends with the device.
  const size = 7 * BLOCK + 3 * sectorSize;
  const source = noise(`source ${sectorSize}`, size);

  test(`device to device, ${sectorSize}-byte sectors, odd size`, { skip }, async (t) => {
    const folder = scratch(t);
    const from = loopWith(t, folder, source, { sectorSize, readOnly: true });
    const to = loopWith(t, folder, changed(source), { sectorSize });
    assertCopied(await pipeline({ source: from.path, destination: to.path }));
    assert.ok(deviceContent(to).equals(source));
  });

  test(
    `device to device with --lzma and an unaligned range, ${sectorSize}-byte sectors`,
    { skip },
    async (t) => {
      const folder = scratch(t);
      const from = loopWith(t, folder, source, { sectorSize });
      const before = changed(source);
      const to = loopWith(t, folder, before, { sectorSize });
      const range = { start: 1001, end: size - 777 };
      const checksum = ["--start", String(range.start), "--end", String(range.end)];
      assertCopied(
        await pipeline({ source: from.path, destination: to.path, checksum, retrieve: ["--lzma"] }),
      );
      assert.ok(deviceContent(to).equals(copied(source, before, range)));
    },
  );

  test(`file to device, ${sectorSize}-byte sectors`, { skip }, async (t) => {
    const folder = scratch(t);
    const from = join(folder, "source");
    writeFileSync(from, source);
    const to = loopWith(t, folder, changed(source), { sectorSize });
    assertCopied(await pipeline({ source: from, destination: to.path }));
    assert.ok(deviceContent(to).equals(source));
  });

  test(`device to file, ${sectorSize}-byte sectors`, { skip }, async (t) => {
    const folder = scratch(t);
    const from = loopWith(t, folder, source, { sectorSize });
    const to = join(folder, "destination");
    writeFileSync(to, changed(source).subarray(0, 300_001));
    assertCopied(await pipeline({ source: from.path, destination: to }));
    assert.ok(readFileSync(to).equals(source));
  });

  test(
    `a smaller source leaves the rest of the device alone, ${sectorSize}-byte sectors`,
    { skip },
    async (t) => {
      const folder = scratch(t);
      const smaller = source.subarray(0, 4 * BLOCK + sectorSize);
      const from = loopWith(t, folder, smaller, { sectorSize });
      const before = noise("other", size);
      const to = loopWith(t, folder, before, { sectorSize });
      assertCopied(await pipeline({ source: from.path, destination: to.path }));
      assert.ok(deviceContent(to).equals(copied(smaller, before, { start: 0 })));
    },
  );

  test(
    `a source of odd length in bytes onto a device, ${sectorSize}-byte sectors`,
    { skip },
    async (t) => {
      const folder = scratch(t);
      const odd = source.subarray(0, 2 * BLOCK + 12_345);
      const from = join(folder, "source");
      writeFileSync(from, odd);
      const before = noise("other", size);
      const to = loopWith(t, folder, before, { sectorSize });
      assertCopied(await pipeline({ source: from, destination: to.path }));
      assert.ok(deviceContent(to).equals(copied(odd, before, { start: 0 })));
    },
  );
}

test(
  "a larger source onto a smaller device is refused where the device ends",
  { skip },
  async (t) => {
    const folder = scratch(t);
    const size = 3 * BLOCK + 1024;
    const source = noise("larger", 5 * BLOCK);
    const from = join(folder, "source");
    writeFileSync(from, source);
    const to = loopWith(t, folder, noise("smaller", size));
    const { codes, stderr } = await pipeline({ source: from, destination: to.path });
    assertFailed(
      { code: codes[2] ?? null, stderr: stderr[2] ?? "" },
      EXIT.protocol,
      "save",
      new RegExp(String(size)),
      new RegExp(to.path),
    );
    assert.equal(codes[0], EXIT.ok);
    const content = deviceContent(to);
    assert.equal(content.length, size);
    assert.ok(content.equals(source.subarray(0, size)), "what fits is there");
    assert.equal(readFileSync(to.backing).length, size);
  },
);

test("files on /dev/shm", async (t) => {
  const folder = scratch(t, "/dev/shm");
  const source = noise("shm", 900_001);
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  writeFileSync(from, source);
  writeFileSync(to, changed(source).subarray(0, 800_000));
  assertCopied(await pipeline({ source: from, destination: to }));
  assert.ok(readFileSync(to).equals(source));
});

test("checksum and retrieve of a device", { skip }, async (t) => {
  const content = noise("both", 2 * BLOCK + 512);
  const loop = loopWith(t, scratch(t), content);
  const outcome = await run(["checksum", loop.path]);
  assertSucceeded(outcome);
  assert.deepEqual(outcome.stdout, hashStream(content));
  const retrieved = await run(["retrieve", loop.path], {
    stdin: Buffer.concat([unequalHash(2 * BLOCK, 512), DONE]),
  });
  assertSucceeded(retrieved);
  assert.equal(untilDone(retrieved.stdout).length, 16 + 512 + 4);
});

test(
  "checksum reads a pipe without rest, and a redirected file or device like one that is named",
  { skip },
  async (t) => {
    const folder = scratch(t);
    const content = noise("stdin", 3 * BLOCK + 512);
    const loop = loopWith(t, folder, content);
    for (const name of ["-", "/dev/stdin"]) {
      const checksum = blockcopy("checksum", name);
      const expected: [script: string, rest: boolean][] = [
        [`cat ${loop.backing} | ${checksum} | cat; exit "\${PIPESTATUS[1]}"`, false],
        [`${checksum} < ${loop.backing}`, true],
        [`${checksum} < ${loop.path}`, true],
      ];
      for (const [script, rest] of expected) {
        const outcome = await bash(script);
        assertSucceeded(outcome);
        assert.deepEqual(outcome.stdout, hashStream(content, { rest }), script);
      }
    }
  },
);

test(
  "memory does not grow with the size",
  { skip: skip || lacking("time"), timeout: 240_000 },
  async (t) => {
    const folder = scratch(t);
    const backing = join(folder, "gigabyte");
    writeFileSync(backing, "");
    truncateSync(backing, 2 ** 30);
    const loop = attach(t, backing);
    for (const path of [backing, loop.path]) {
      const peak = join(folder, "peak");
      const prefix = ["time", "-f", "%M", "-o", peak];
      const outcome = await run(["checksum", path], { prefix, timeoutMs: 200_000 });
      assertSucceeded(outcome);
      assert.equal(outcome.stdout.length, (2 ** 30 / BLOCK) * 80 + 12 + 4);
      const kilobytes = Number(readFileSync(peak, "utf8"));
      assert.ok(kilobytes < 200 * 1024, `checksum ${path} took ${kilobytes} KiB of memory`);
    }
  },
);
