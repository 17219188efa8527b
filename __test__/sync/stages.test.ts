// Two files here, with what it takes the stages of a copy between hosts to do.
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { BLOCK } from "../support/files/files.ts";
import { assertSynced, changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";

test("a new file, with the times of the source", async (t) => {
  const { from, to } = pair(t);
  rmSync(to);
  utimesSync(from, 1_000_000_000, 1_200_000_000.25);
  assertSynced(await run(["sync", "--create", "-t", from, to]), to);
  assert.equal(statSync(to).mtimeMs, 1_200_000_000_250);
});

test("a new file whose beginning was left by a run that was cut off", async (t) => {
  const { from, to } = pair(t, { destination: SOURCE.subarray(0, 18 * BLOCK + 7) });
  const outcome = await run(["sync", "--create", from, to]);
  assertSynced(outcome, to);
  assert.match(outcome.stderr, /: 23 blocks /);
  const longer = pair(t, { destination: Buffer.concat([SOURCE, Buffer.alloc(1)]) });
  const refused = await run(["sync", "--create", longer.from, longer.to]);
  assertFailed(refused, EXIT.usage, "sync", /bytes and the destination/);
});

test("a longer one is cut off, a larger one keeps its end", async (t) => {
  const tail = Buffer.alloc(3 * BLOCK, 7);
  const one = pair(t, { destination: Buffer.concat([changedIn(SOURCE, 3), tail]) });
  assertSynced(await run(["sync", "--truncate", one.from, one.to]), one.to);
  const other = pair(t, { destination: Buffer.concat([changedIn(SOURCE, 3), tail]) });
  const outcome = await run(["sync", "--allow-larger", other.from, other.to]);
  assertSynced(outcome, other.to, Buffer.concat([SOURCE, tail]));
});

test("--create and --allow-larger together allow what each of them allows", async (t) => {
  const args = ["sync", "--create", "--allow-larger"];
  for (const length of [undefined, 0, 2 * BLOCK + 1, SOURCE.length, SOURCE.length + BLOCK]) {
    const tail = Buffer.alloc(Math.max(0, (length ?? 0) - SOURCE.length), 7);
    const longest = Buffer.concat([changedIn(SOURCE, 1), tail]);
    const { from, to } = pair(t, { destination: longest.subarray(0, length ?? 0) });
    if (length === undefined) rmSync(to);
    assertSynced(await run([...args, from, to]), to, Buffer.concat([SOURCE, tail]));
  }
});

test("a part cannot be verified as a whole, and is refused before anything is written", async (t) => {
  const { from, to, folder } = pair(t);
  const map = join(folder, "map");
  writeFileSync(map, `0 ${BLOCK}\n`);
  const before = readFileSync(to);
  for (const part of [["--start=4096"], [`--end=${SOURCE.length - 1}`], [`--ranges=${map}`]]) {
    const outcome = await run(["sync", "--verify=full", ...part, from, to]);
    assertFailed(outcome, EXIT.usage, "sync", /--verify=full .*; use --verify=written/);
    assertSame(readFileSync(to), before);
  }
  const all = ["sync", "--verify=full", "--start=0", `--end=${SOURCE.length}`];
  const outcome = await run([...all, from, to]);
  assert.equal(outcome.code, 0, outcome.stderr);
  assert.match(outcome.stderr, /read back and equal to the source/);
  assertSame(readFileSync(to), SOURCE);
});

test("a part of it, in blocks of another size and with another digest", async (t) => {
  const { from, to } = pair(t);
  const part = ["--start", "4K", "--end", `${18 * BLOCK}`, "--block-size", "4K"];
  const outcome = await run(["sync", ...part, "--digest", "blake3", from, to]);
  assertSynced(outcome, to, changedIn(SOURCE, 0, 30));
});

test("proof, and digests that the next run takes", async (t) => {
  const { from, to, folder } = pair(t);
  const digests = join(folder, "digests");
  const args = ["sync", "--verify", "full", "--compress", "zstd", "--digest-cache", digests];
  const first = await run([...args, from, to]);
  assert.equal(first.code, 0, first.stderr);
  assert.match(
    first.stderr,
    /3 blocks [^]* sent.*\n  all \d+ bytes read back and equal to the source\n/,
  );
  assertSame(readFileSync(to), SOURCE);
  assert.ok(existsSync(digests));
  assertSynced(await run([...args, from, to]), to);
});

test("a range that the source does not have, or a new file", async (t) => {
  const longer = Buffer.concat([SOURCE, Buffer.alloc(3 * BLOCK, 7)]);
  const { folder, from, to } = pair(t, { destination: longer });
  for (const [option, offset] of [
    ["--start", SOURCE.length + 1],
    ["--end", longer.length],
  ] as const)
    assertFailed(
      await run(["sync", option, `${offset}`, from, to]),
      EXIT.usage,
      "sync",
      new RegExp(`${option} ${offset} lies beyond the end of .*source, which has ${SOURCE.length}`),
    );
  assertSame(readFileSync(to), longer);
  const fresh = ["sync", "-n", "--create", "--end", "4K", from, join(folder, "fresh")];
  assertFailed(await run(fresh), EXIT.usage, "sync", /lies beyond the end of .*fresh/);
  const cut = await run(["sync", "--truncate", "--end", `${longer.length}`, from, to]);
  assertSynced(cut, to);
});
