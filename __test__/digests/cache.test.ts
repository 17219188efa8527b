// Digests that are kept from one night to the next: what is copied, what is read, and what is then in the file.
import assert from "node:assert/strict";
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  assertCopied,
  assertSucceeded,
  bash,
  blockcopy,
  pipeline,
  quote,
  run,
} from "../support/programs/cli.ts";
import {
  assertNight,
  assertTrue,
  bytesRead,
  hashes,
  night,
  type Kept,
} from "../support/files/cache.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { lackingTrace } from "../support/programs/tools.ts";
import { trace, TRANSFERS } from "../support/programs/trace.ts";

const SMALL = 4096;

/** Options that choose digest and block size. */
const HASHINGS = [
  { options: [], blockSize: BLOCK },
  { options: ["--digest", "blake3", "--block-size", "4K"], blockSize: SMALL },
  { options: ["--block-size", "1M"], blockSize: 2 ** 20 },
];

/** A source and a destination in a folder of their own. */
function files(t: TestContext, source: Buffer, destination: Buffer): Kept {
  const folder = scratch(t);
  const copy = {
    source: join(folder, "source"),
    destination: join(folder, "destination"),
    cache: join(folder, "cache"),
  };
  writeFileSync(copy.source, source);
  writeFileSync(copy.destination, destination);
  return copy;
}

for (const { options, blockSize } of HASHINGS.slice(0, 2))
  test(`the cache equals the output of \`checksum ${options.join(" ")}\`, each night`, async (t) => {
    const content = noise(1, 9 * blockSize + 77);
    const copy = files(t, content, noise(2, content.length));
    const changed = (at: number, bytes: Buffer): Buffer => {
      const result = Buffer.from(readFileSync(copy.source));
      bytes.copy(result, at);
      return result;
    };
    const nights: Record<string, () => Buffer> = {
      "all is new": () => content,
      // Only one digest and block size for what depends on neither.
      ...(options.length > 0
        ? {}
        : {
            "nothing changed": () => content,
            "a byte": () => changed(5 * blockSize + 3, Buffer.from("x")),
          }),
      "the last, short block": () => changed(9 * blockSize + 70, Buffer.from("x")),
      "zeros, and a short block of them": () => {
        const zeros = Buffer.alloc(4 * blockSize);
        return changed(9 * blockSize, Buffer.alloc(77)).fill(zeros, 2 * blockSize, 6 * blockSize);
      },
      ...(options.length > 0 ? {} : { "all is new again": () => noise(3, content.length) }),
    };
    let first = true;
    for (const [what, make] of Object.entries(nights)) {
      writeFileSync(copy.source, make());
      assertNight(await night({ ...copy, checksum: options }), first);
      first = false;
      assert.ok(readFileSync(copy.destination).equals(readFileSync(copy.source)), what);
      await assertTrue(copy.cache, copy.destination, options, what);
      assert.equal(statSync(copy.cache).mode & 0o7777, 0o600);
    }
  });

test("sizes: empty, odd, growing, shrinking, with --truncate and without", async (t) => {
  const copy = files(t, Buffer.alloc(0), Buffer.alloc(0));
  const content = noise(1, 70_000);
  let first = true;
  for (const { save, sizes } of [
    { save: [], sizes: [9 * SMALL, 6000] },
    {
      save: ["--truncate", "--force"],
      sizes: [0, SMALL, 5 * SMALL + 1, 6000],
    },
  ])
    for (const size of sizes) {
      writeFileSync(copy.source, content.subarray(0, size));
      const options = ["--block-size", "4K"];
      assertNight(await night({ ...copy, checksum: options, save }), first);
      first = false;
      const what = `${size} bytes ${save.join("")}`;
      const found = readFileSync(copy.destination);
      assert.ok(found.subarray(0, size).equals(content.subarray(0, size)), what);
      if (save.length > 0) assert.equal(found.length, size);
      await assertTrue(copy.cache, copy.destination, options, what);
    }
});

/** Runs the stages one after the other, and says how many bytes of the destination `checksum` and `save` have read. */
async function read(t: TestContext, copy: Kept): Promise<[checksum: number, save: number]> {
  const folder = scratch(t);
  const [first, last] = [trace(folder, TRANSFERS), trace(folder, TRANSFERS)];
  const { source, destination, cache } = copy;
  const sent = await run(["checksum", "--extended", "--cached", cache, destination], first);
  assertSucceeded(sent);
  const answer = await run(["retrieve", source], { stdin: sent.stdout });
  assertSucceeded(answer);
  const update = ["--update-digests", cache];
  const saved = await run(["save", ...update, destination], { ...last, stdin: answer.stdout });
  assertSucceeded(saved);
  return [bytesRead(first.calls(), destination), bytesRead(last.calls(), destination)];
}

test("the destination is looked at, but not read", { skip: lackingTrace() }, async (t) => {
  const size = 1000 * SMALL;
  const content = noise(1, size);
  const copy = files(t, content, noise(2, size + 50 * SMALL));
  const checksum = ["--block-size", "4K", "--digest", "blake3"];
  assertNight(await night({ ...copy, checksum }), true);
  content.fill(0, 100 * SMALL, 120 * SMALL).write("changed", 500_000);
  writeFileSync(copy.source, content);
  const [looked, saved] = await read(t, copy);
  assert.ok(looked > 0 && looked <= 64 * 2 * SMALL, `checksum has read ${looked} bytes`);
  // The beginning, which may be that of an image.
  assert.ok(saved <= 64 * 1024, `save has read ${saved} bytes`);
  assert.ok(readFileSync(copy.destination).subarray(0, size).equals(content));
  await assertTrue(copy.cache, copy.destination, checksum);
});

test("the stream is the same with and without a cache", async (t) => {
  const copy = files(t, noise(1, 5 * BLOCK + 1), noise(2, 5 * BLOCK + 1));
  const { cache, destination } = copy;
  writeFileSync(cache, await hashes(destination));
  const expected = await run(["checksum", "--extended", destination]);
  const found = await Promise.all(
    [1, 2].map(() => run(["checksum", "--extended", "--cached", cache, destination])),
  );
  for (const outcome of found) {
    assertSucceeded(outcome);
    assert.ok(outcome.stdout.equals(expected.stdout));
  }
  // Into a file it is one that can be kept in turn.
  const kept = join(scratch(t), "kept");
  const command = blockcopy("checksum", "--extended", "--cached", cache, destination);
  assertSucceeded(await bash(`${command} > ${quote([kept])}`));
  await assertTrue(kept, destination);
});

test("the stream of blockcopy 0.0.2: the destination is read, as it was before", async (t) => {
  const copy = files(t, noise(1, 5 * BLOCK + 7), noise(2, 4 * BLOCK));
  const { cache, destination } = copy;
  const save = ["--update-digests", cache];
  assertCopied(await pipeline({ ...copy, save }));
  await assertTrue(cache, destination);
  const options = ["--digest", "blake3", "--block-size", "4K"];
  writeFileSync(cache, await hashes(destination, options));
  writeFileSync(copy.source, noise(3, 5 * BLOCK + 7));
  assertCopied(await pipeline({ ...copy, save }));
  await assertTrue(cache, destination, options);
});

test("other digests than before: the destination is read", async (t) => {
  const copy = files(t, noise(1, 5 * BLOCK + 7), noise(2, 5 * BLOCK + 7));
  for (const { options } of HASHINGS) {
    const checksum = ["--extended", ...options];
    assertCopied(await pipeline({ ...copy, checksum, save: ["--update-digests", copy.cache] }));
    await assertTrue(copy.cache, copy.destination, options);
  }
});

test("-t -p, which change the destination last, --sparse, --verify and parts of it", async (t) => {
  const copy = files(t, noise(1, 5 * BLOCK + 7), noise(2, 6 * BLOCK));
  const saves = [
    ["-t", "-p", "--verify=full"],
    ["--verify=written", "--sparse", "--truncate"],
  ];
  for (const [index, save] of saves.entries()) {
    writeFileSync(copy.source, Buffer.concat([Buffer.alloc(BLOCK), noise(index, 4 * BLOCK + 7)]));
    assertNight(await night({ ...copy, save }), index === 0);
    await assertTrue(copy.cache, copy.destination, [], save.join(" "));
  }
  truncateSync(copy.source, 3 * BLOCK);
  for (const part of [
    ["--start", "128K"],
    ["--end", "256K"],
  ]) {
    writeFileSync(copy.source, noise(part.join(" "), 3 * BLOCK));
    const checksum = ["--extended", ...part];
    assertCopied(await pipeline({ ...copy, checksum, save: ["--update-digests", copy.cache] }));
    await assertTrue(copy.cache, copy.destination, [], part.join(" "));
  }
});
