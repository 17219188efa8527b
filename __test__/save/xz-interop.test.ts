// Compressed blocks to and from another implementation of .xz: what 0.0.2 uses, Python's lzma module.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSucceeded, run } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch, text } from "../support/files/files.ts";
import { lackingPythonLzma } from "../support/programs/tools.ts";
import {
  applyBlocks,
  decodeBlocks,
  DONE,
  dataFrame,
  dlzmFrame,
  restFrame,
} from "../support/wire/frames.ts";

const skip = lackingPythonLzma();

function python(script: string, input: Buffer): Buffer {
  const program = `import lzma, sys; i = sys.stdin.buffer.read(); sys.stdout.buffer.write(${script})`;
  return execFileSync("python3", ["-c", program], { input, timeout: 60_000, maxBuffer: 1 << 26 });
}

// Blocks that compress, one that does not, zeros, and a short last one.
const source = Buffer.concat([
  text("a", 2 * BLOCK),
  noise(1, BLOCK),
  Buffer.alloc(BLOCK),
  text("b", 70_001),
]);

/** The code of the LZMA2 dictionary's size in an .xz stream with one filter: 10 is 128 KiB, 22 is 8 MiB. */
function dictionaryCode(xzStream: Buffer | undefined): number | undefined {
  return xzStream?.[16];
}

for (const wire of [undefined, "0.0.2"]) {
  const title = wire === undefined ? "by default" : `with BLOCKCOPY_WIRE=${wire}`;
  test(`Python decodes what retrieve --lzma compressed ${title}`, { skip }, async (t) => {
    const path = join(scratch(t), "source");
    writeFileSync(path, source);
    const stdin = Buffer.concat([restFrame(0), DONE]);
    const outcome = await run(["retrieve", path, "--lzma"], {
      stdin,
      env: { BLOCKCOPY_WIRE: wire },
    });
    assertSucceeded(outcome);
    const { frames, done } = decodeBlocks(outcome.stdout);
    assert.ok(done);
    assert.equal(dictionaryCode(frames[0]?.payload), wire === undefined ? 10 : 22);
    assert.deepEqual(
      frames.map((frame) => frame.command),
      ["dlzm", "dlzm", "data", "dlzm", "dlzm"],
    );
    const plain = frames.map((frame) => ({
      ...frame,
      payload:
        frame.command === "dlzm" ? python("lzma.decompress(i)", frame.payload) : frame.payload,
    }));
    assert.ok(applyBlocks(Buffer.alloc(0), plain).equals(source));
  });
}

test("save decodes what Python compressed", { skip }, async (t) => {
  const path = join(scratch(t), "destination");
  writeFileSync(path, Buffer.alloc(10));
  const block = (index: number): Buffer => source.subarray(index * BLOCK, (index + 1) * BLOCK);
  const stdin = Buffer.concat([
    dlzmFrame(0, python("lzma.compress(i)", block(0))),
    dlzmFrame(4 * BLOCK, python("lzma.compress(i)", block(4))),
    dlzmFrame(BLOCK, python("lzma.compress(i, preset=0, check=lzma.CHECK_CRC32)", block(1))),
    dataFrame(2 * BLOCK, block(2)),
    dlzmFrame(3 * BLOCK, python("lzma.compress(i, check=lzma.CHECK_SHA256)", block(3))),
    DONE,
  ]);
  assertSucceeded(await run(["save", path], { stdin }));
  assert.ok(readFileSync(path).equals(source));
});
