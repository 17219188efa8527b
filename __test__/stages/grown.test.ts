// A source that goes on where the destination ends inside a block.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertCopied, assertSucceeded, pipeline, run } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";

const source = noise("grown", 3 * BLOCK + 500);

for (const [what, length, sent] of [
  ["inside the first block", 5, [0, 1, 2, 3]],
  ["inside another", BLOCK + 77, [1, 2, 3]],
  ["between two", 2 * BLOCK, [2, 3]],
  ["inside the last", 3 * BLOCK + 1, [3]],
  ["nowhere", source.length, []],
] as const)
  test(`a destination that ends ${what}: whole blocks are sent, and the copy is proved`, async (t) => {
    const folder = scratch(t);
    const [from, to] = [join(folder, "source"), join(folder, "destination")];
    writeFileSync(from, source);
    writeFileSync(to, source.subarray(0, length));
    const hashes = await run(["checksum", "--extended", to]);
    assertSucceeded(hashes);
    const blocks = await run(["retrieve", from], { stdin: hashes.stdout });
    assertSucceeded(blocks);
    const lines = (await run(["inspect", "--json"], { stdin: blocks.stdout })).stdout.toString();
    const positions = [...lines.matchAll(/"frame":"blck","position":(\d+)/g)].map(([, at]) =>
      Number(at),
    );
    assert.deepEqual(
      positions,
      sent.map((block) => block * BLOCK),
    );
    assert.match(lines, /"frame":"root","root":\{/);
    assertCopied(
      await pipeline({
        source: from,
        destination: to,
        checksum: ["--extended"],
        save: ["--verify=full"],
      }),
    );
    assert.ok(readFileSync(to).equals(source));
  });

test("a range that ends inside a block is no end of the destination", async (t) => {
  const folder = scratch(t);
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  writeFileSync(from, source);
  writeFileSync(to, source.subarray(0, 2 * BLOCK));
  for (const end of [BLOCK + 9, 2 * BLOCK - 1]) {
    const hashes = await run(["checksum", "--extended", to, "--end", String(end)]);
    assertSucceeded(hashes);
    const blocks = await run(["retrieve", from], { stdin: hashes.stdout });
    assertSucceeded(blocks);
    const { stdout } = await run(["inspect"], { stdin: blocks.stdout });
    assert.doesNotMatch(stdout.toString(), /blck/);
  }
});
