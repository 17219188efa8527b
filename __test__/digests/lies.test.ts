// Events that could make a digest cache wrong: afterwards it is missing, or has been made again from the destination itself.
import assert from "node:assert/strict";
import { existsSync, openSync, readFileSync, closeSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  assertNoLie,
  assertNight,
  assertTrue,
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
import { lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountInSeconds } from "../support/files/mount.ts";
import { lackingTrace, system } from "../support/programs/tools.ts";

const SIZE = 6 * BLOCK;
const MIB = 1024 * 1024;

/** A destination like the source but for one block, with what is kept of it. */
async function kept(t: TestContext): Promise<Kept & { content: Buffer }> {
  const folder = scratch(t);
  const [source, destination] = [join(folder, "source"), join(folder, "destination")];
  const cache = join(folder, "cache");
  const content = noise(1, SIZE);
  writeFileSync(source, content);
  writeFileSync(destination, Buffer.from(content).fill(7, BLOCK, 2 * BLOCK));
  writeFileSync(cache, await hashes(destination));
  return { source, destination, cache, content };
}

/** The block stream that makes the source of the destination. */
async function blocks({ source, destination }: Kept, ...options: string[]): Promise<Buffer> {
  const sent = await run(["checksum", "--extended", destination, ...options]);
  assertSucceeded(sent);
  const answer = await run(["retrieve", source], { stdin: sent.stdout });
  assertSucceeded(answer);
  return answer.stdout;
}

/** Changes a byte of a file, in a later tick of the clock. */
function change(path: string, at: number): void {
  system("sleep", "0.02");
  const fd = openSync(path, "r+");
  writeSync(fd, "?", at);
  closeSync(fd);
}

test("the destination is changed by others between `checksum` and `save`", async (t) => {
  const copy = await kept(t);
  const { destination, cache, content } = copy;
  const stdin = await blocks(copy);
  change(destination, 4 * BLOCK);
  assertSucceeded(await run(["save", "--update-digests", cache, destination], { stdin }));
  assert.ok(!readFileSync(destination).equals(content));
  await assertTrue(cache, destination);
  // So the next night finds it.
  assertNight(await night(copy));
  assert.ok(readFileSync(destination).equals(content));
  await assertTrue(cache, destination);
});

test("one file for two destinations", async (t) => {
  const copy = await kept(t);
  const other = join(scratch(t), "other");
  writeFileSync(other, noise(2, SIZE));
  // The blocks for one file are written to the other, so the cache describes the other.
  const stdin = await blocks(copy);
  assertSucceeded(await run(["save", "--update-digests", copy.cache, other], { stdin }));
  await assertTrue(copy.cache, other);
  const outcome = await night(copy);
  assertFailed(
    { code: outcome.codes[0] ?? null, stderr: outcome.stderr[0] ?? "" },
    EXIT.otherDestination,
    "checksum",
    /of another file or device/,
  );
  await assertTrue(copy.cache, other);
  assertCopied(
    await pipeline({ ...copy, checksum: ["--extended"], save: ["--update-digests", copy.cache] }),
  );
  await assertTrue(copy.cache, copy.destination);
});

test("a difference from something else, by --force", async (t) => {
  const copy = await kept(t);
  const { source, destination, cache } = copy;
  const hashesOf = await hashes(destination);
  const answer = await run(["retrieve", source], { stdin: hashesOf });
  assertSucceeded(answer);
  writeFileSync(destination, noise(3, SIZE));
  writeFileSync(cache, await hashes(destination));
  const [before, content] = [readFileSync(cache), readFileSync(destination)];
  const save = ["save", "--update-digests", cache, destination];
  const refused = await run(save, { stdin: answer.stdout });
  assertFailed(refused, EXIT.otherDestination, "save", /nothing was written/);
  assert.ok(readFileSync(cache).equals(before) && readFileSync(destination).equals(content));
  const forced = await run([...save, "--force"], { stdin: answer.stdout });
  assert.equal(forced.code, EXIT.ok, forced.stderr);
  assert.match(forced.stderr, /^WARNING \(save\): --force skips the check that this delta/);
  await assertTrue(cache, destination);
});

test(
  "a disk that forgets: what --verify finds is not kept",
  { skip: lackingTrace() },
  async (t) => {
    for (const verify of ["written", "full"]) {
      const copy = await kept(t);
      const { destination, cache, content } = copy;
      const stdin = await blocks(copy);
      const writes = "pwrite64,pwritev,pwritev2";
      const inject = ["-e", `trace=${writes}`, "-e", `inject=${writes}:retval=${BLOCK}`];
      const strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", destination, ...inject];
      const save = ["save", `--verify=${verify}`, "--update-digests", cache, destination];
      const outcome = await run(save, { stdin, prefix: strace });
      assertFailed(outcome, EXIT.differs, "save", /differ/);
      assert.ok(!existsSync(cache), "digests of a destination that is not so were kept");
      assertNight(await night({ ...copy, save: [`--verify=${verify}`] }), true);
      assert.ok(readFileSync(destination).equals(content));
      await assertTrue(cache, destination);
    }
  },
);

test("--verify=full finds what the file did not know, and the next night copies it", async (t) => {
  const copy = await kept(t);
  const { destination, cache, content } = copy;
  const stdin = await blocks(copy);
  change(destination, 5 * BLOCK);
  const save = ["save", "--verify=full", "--update-digests", cache, destination];
  const outcome = await run(save, { stdin });
  assertFailed(outcome, EXIT.differs, "save", /differs from the source/);
  assert.ok(!existsSync(cache));
  assertNight(await night({ ...copy, save: ["--verify=full"] }), true);
  assert.ok(readFileSync(destination).equals(content));
});

test("a stream that ends too soon, or is damaged, anywhere", async (t) => {
  const copy = await kept(t);
  const { destination, cache } = copy;
  const [before, content] = [readFileSync(cache), readFileSync(destination)];
  const stream = await blocks(copy);
  let untouched = 0;
  for (const [index, part] of [0, 0.0005, 0.3, 0.9995].entries()) {
    writeFileSync(destination, content);
    writeFileSync(cache, await hashes(destination));
    const at = Math.floor(part * stream.length);
    const damaged = Buffer.from(stream);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    const stdin = index % 2 === 0 ? stream.subarray(0, at) : damaged;
    const outcome = await run(["save", "--update-digests", cache, destination], { stdin });
    assertFailed(outcome, EXIT.protocol, "save");
    if (await assertNoLie(cache, destination)) untouched += 1;
    else assertNight(await night(copy), true);
  }
  assert.ok(untouched > 0, "a stream without a block takes nothing away");
  writeFileSync(destination, content);
  writeFileSync(cache, before);
  // The cache does not describe the file as it is now, and the message says so.
  const stale = await run(["checksum", "--extended", "--cached", cache, destination]);
  assertFailed(stale, EXIT.otherDestination, "checksum", /as it is now/);
});

test("a file that is damaged after its beginning: the destination is read", async (t) => {
  const copy = await kept(t);
  const { destination, cache, content } = copy;
  const options = ["--block-size", "4K"];
  // Beyond what is read at once.
  writeFileSync(destination, noise(9, 5000 * 4096));
  writeFileSync(copy.source, content);
  const bytes = await hashes(destination, options);
  bytes[bytes.length - 300] = (bytes[bytes.length - 300] ?? 0) ^ 1;
  writeFileSync(cache, bytes);
  const stdin = await blocks(copy, ...options);
  assertSucceeded(await run(["save", "--update-digests", cache, destination], { stdin }));
  await assertTrue(cache, destination, options);
});

test(
  "the destination is changed right after the copy, on a file system that keeps times in seconds",
  { skip: lackingLoop },
  async (t) => {
    const folder = scratch(t);
    const [source, cache] = [join(folder, "source"), join(folder, "cache")];
    const loop = loopWith(t, folder, Buffer.alloc(16 * MIB));
    const destination = join(mountInSeconds(t, folder, loop), "destination");
    // Of the 1024 blocks, 72 are compared before the digests are used.
    const content = noise(3, 4 * MIB);
    writeFileSync(source, content);
    writeFileSync(destination, content);
    const words = ["sync", "-q", `--digest-cache=${cache}`, "--block-size=4K", source, destination];
    writeFileSync(source, content.fill(1, 2 * MIB, 2 * MIB + 1));
    assertSucceeded(await run(words));
    change(destination, 3 * MIB);
    assertFailed(await run(words), EXIT.otherDestination, "sync", /written to since/);
  },
);
