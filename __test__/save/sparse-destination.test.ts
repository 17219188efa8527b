// --sparse: blocks of zeros become holes of files and of the backing files of devices, and the content is the same.
import assert from "node:assert/strict";
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertCopied,
  assertFailed,
  assertSucceeded,
  EXIT,
  pipeline,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { allocated, BOOKKEEPING, lackingHoles } from "../support/files/holes.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountRamfs } from "../support/files/mount.ts";
import { lacking, lackingRoot, lackingTrace } from "../support/programs/tools.ts";
import { trace } from "../support/programs/trace.ts";
import { dataFrame, dlzmFrame, DONE, xz } from "../support/wire/frames.ts";

const skip = lackingHoles();

const SIZE = 40 * BLOCK;
/** Of the source, this much is zeros: from block 3 to 30, and the last two. */
const ZEROS = 29 * BLOCK;
const source = noise("source", SIZE);
source.fill(0, 3 * BLOCK, 30 * BLOCK);
source.fill(0, SIZE - 2 * BLOCK);
const before = noise("before", SIZE);

/** The two ways to copy, with options for the command that writes. */
const COPIES = {
  save: async (from: string, to: string, ...options: string[]) =>
    assertCopied(await pipeline({ source: from, destination: to, save: options })),
  sync: async (from: string, to: string, ...options: string[]) =>
    assertSucceeded(await run(["sync", from, to, ...options])),
};

function files(t: TestContext, destination: Buffer, content = source): [from: string, to: string] {
  const folder = scratch(t);
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  writeFileSync(from, content);
  writeFileSync(to, destination);
  return [from, to];
}

for (const [name, copy] of Object.entries(COPIES)) {
  for (const direct of name === "sync" ? ["auto", "off"] : ["auto"]) {
    test(`${name} --sparse --direct ${direct} onto a file with data`, { skip }, async (t) => {
      const [from, to] = files(t, before);
      await copy(from, to, "--sparse", "--direct", direct);
      assertSame(readFileSync(to), source);
      const kept = allocated(to);
      assert.ok(kept >= SIZE - ZEROS && kept <= SIZE - ZEROS + BOOKKEEPING, `${kept} bytes`);
    });
  }

  test(`${name} without --sparse makes no hole`, { skip }, async (t) => {
    const [from, to] = files(t, before);
    await copy(from, to);
    assertSame(readFileSync(to), source);
    assert.ok(allocated(to) >= SIZE, `${allocated(to)} bytes`);
  });

  for (const sectorSize of name === "sync" ? ([512, 4096] as const) : ([512] as const)) {
    test(
      `${name} --sparse onto a device, ${sectorSize}-byte sectors`,
      { skip: skip || lackingLoop },
      async (t) => {
        const folder = scratch(t);
        const from = join(folder, "source");
        // The device ends within a block, and within a page of the page cache if it can.
        const content = Buffer.concat([source, Buffer.alloc(5 * 4096 + sectorSize)]);
        writeFileSync(from, content);
        const to = loopWith(t, folder, noise("device", content.length), { sectorSize });
        await copy(from, to.path, "--sparse");
        assertSame(deviceContent(to), content);
        const kept = allocated(to.backing);
        assert.ok(kept >= SIZE - ZEROS && kept <= SIZE - ZEROS + BOOKKEEPING, `${kept} bytes`);
      },
    );
  }

  test(
    `${name} without --sparse makes no hole of a device`,
    { skip: skip || lackingLoop },
    async (t) => {
      const folder = scratch(t);
      const from = join(folder, "source");
      writeFileSync(from, source);
      const to = loopWith(t, folder, before);
      await copy(from, to.path);
      assertSame(deviceContent(to), source);
      assert.ok(allocated(to.backing) >= SIZE, `${allocated(to.backing)} bytes`);
    },
  );

  test(
    `${name} --sparse where there are no holes`,
    { skip: lackingRoot("mount", "umount") },
    async (t) => {
      const to = join(mountRamfs(t, scratch(t)), "destination");
      const [from] = files(t, before);
      writeFileSync(to, before);
      await copy(from, to, "--sparse");
      assertSame(readFileSync(to), source);
    },
  );
}

test("save --sparse of compressed blocks", { skip }, async (t) => {
  const [from, to] = files(t, before);
  const options = { retrieve: ["--lzma"], save: ["--sparse"] };
  assertCopied(await pipeline({ source: from, destination: to, ...options }));
  assertSame(readFileSync(to), source);
  const kept = allocated(to);
  assert.ok(kept <= SIZE - ZEROS + BOOKKEEPING, `${kept} bytes`);
});

test("save --sparse onto a shorter file: zeros at its end count", { skip }, async (t) => {
  for (const [size, zeros] of [
    [5 * BLOCK + 1234, 3 * BLOCK],
    [5 * BLOCK + 1, 5 * BLOCK + 1],
    [4097, 4097],
  ] as const) {
    const content = noise("end", size);
    content.fill(0, size - zeros);
    for (const length of [0, 100_000].filter((bytes) => bytes <= size)) {
      const [from, to] = files(t, noise("shorter", length), content);
      await COPIES.save(from, to, "--sparse");
      assertSame(readFileSync(to), content, `${size} bytes over ${length}`);
      const data = size - zeros;
      assert.ok(allocated(to) <= data + BLOCK + BOOKKEEPING, `${allocated(to)} bytes`);
    }
  }
});

test("save without --sparse writes the zeros that it is sent", { skip }, async (t) => {
  const path = join(scratch(t), "file");
  writeFileSync(path, "");
  truncateSync(path, SIZE);
  const stdin = Buffer.concat([dataFrame(0, Buffer.alloc(SIZE)), DONE]);
  assertSucceeded(await run(["save", path], { stdin }));
  assert.equal(statSync(path).size, SIZE);
  assert.ok(allocated(path) >= SIZE, `${allocated(path)} bytes`);
});

/** Frames with zeros at odd places, and what they make of a file. */
const placed: [what: string, frames: [position: number, payload: Buffer][]][] = [
  ["within a page", [[4100, Buffer.alloc(7)]]],
  ["from within a page to within another", [[1001, Buffer.alloc(5 * 4096 + 7)]]],
  ["side by side", [0, 1, 2, 3].map((i) => [777 + i * 30_000, Buffer.alloc(30_000)])],
  [
    "over data, both sent",
    [
      [8192, noise("under", BLOCK)],
      [8000, Buffer.alloc(70_000)],
    ],
  ],
  [
    "under data, both sent",
    [
      [8000, Buffer.alloc(BLOCK)],
      [50_000, noise("over", 12_345)],
    ],
  ],
  ["across the end", [[SIZE - 100, Buffer.alloc(10_000)]]],
  ["far after the end", [[SIZE + 5 * BLOCK + 3, Buffer.alloc(10_000)]]],
  [
    "before and after a block",
    [
      [0, Buffer.alloc(BLOCK)],
      [2 * BLOCK, Buffer.alloc(BLOCK)],
    ],
  ],
];
for (const [index, [what, frames]] of placed.entries()) {
  // Zeros are found after a block is decoded.
  const codec = index % 4 === 0 ? "dlzm" : "data";
  test(`save --sparse: zeros ${what} (${codec})`, { skip: lacking("xz") }, async (t) => {
    const path = join(scratch(t), "file");
    writeFileSync(path, before);
    const end = Math.max(SIZE, ...frames.map(([at, payload]) => at + payload.length));
    const expected = Buffer.concat([before], end);
    for (const [at, payload] of frames) payload.copy(expected, at);
    const stdin = Buffer.concat([
      ...frames.map(([at, payload]) =>
        codec === "data" ? dataFrame(at, payload) : dlzmFrame(at, xz(payload)),
      ),
      DONE,
    ]);
    assertSucceeded(await run(["save", "--sparse", path], { stdin }));
    assertSame(readFileSync(path), expected);
  });
}

for (const [name, at] of [
  ["save", 0],
  ["sync", 3 * BLOCK],
] as const) {
  test(`${name} --sparse: a hole cannot be made`, { skip: lackingTrace() || skip }, async (t) => {
    const [from, to] = files(t, before);
    const { prefix } = trace(scratch(t), "inject=fallocate:error=EIO");
    const stdin = Buffer.concat([dataFrame(0, Buffer.alloc(BLOCK)), DONE]);
    const words = name === "save" ? [to] : [from, to];
    const outcome = await run([name, "--sparse", ...words], { prefix, stdin });
    assertFailed(outcome, EXIT.io, name, /EIO/, new RegExp(`${to} at offset ${at}:`));
  });
}
