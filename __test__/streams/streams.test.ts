// One copy over several connections: each transfers a part.
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { partOf } from "../../src/blocks/part.ts";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, COMMAND, EXIT, quote, run } from "../support/programs/cli.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import { lackingHosts, logins, script, sync } from "../support/hosts/hosts.ts";
import { mountTmpfs } from "../support/files/mount.ts";
import { assertSynced, changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { lackingRoot } from "../support/programs/tools.ts";

const MIB = 2 ** 20;

const large = Buffer.concat([noise("large", 40 * BLOCK), Buffer.alloc(30 * BLOCK), noise("l", 99)]);

test("parts cover a range without a gap, on a grid but at its ends", () => {
  fc.assert(
    fc.property(
      fc.nat(2 ** 45),
      fc.nat(2 ** 40),
      fc.integer({ min: 1, max: 8 }),
      fc.constantFrom(4096, BLOCK, 16 * MIB),
      (start, length, count, blockSize) => {
        const parts = Array.from({ length: count }, (_, place) =>
          partOf({ number: place + 1, count }, start, start + length, blockSize),
        );
        assert.equal(parts[0]?.start, start);
        assert.equal(parts.at(-1)?.end, start + length);
        for (const [place, { start: from, end }] of parts.entries()) {
          assert.ok(from <= end);
          const next = parts[place + 1];
          if (next === undefined) continue;
          assert.equal(next.start, end);
          assert.ok(end === start || end % Math.max(MIB, blockSize) === 0);
          // About as long as the others.
          assert.ok(Math.abs(end - from - length / count) <= 2 * Math.max(MIB, blockSize));
        }
      },
    ),
  );
});

test("three streams, with what a file gets at the end", async (t) => {
  const destination = changedIn(large, 0, 8, 17, 39, 69);
  const { from, to } = pair(t, { source: large, destination });
  utimesSync(from, 1_000_000_000, 1_200_000_000);
  const options = ["--verify", "written", "--sparse", "-t", "-p"];
  assertSynced(await run(["sync", "--streams", "3", ...options, from, to]), to, large);
  assert.equal(statSync(to).mtimeMs, 1_200_000_000_000);
});

test("a part of it, a new file, and one that is cut off", async (t) => {
  const part = pair(t, { source: large, destination: changedIn(large, 0, 9, 16, 60) });
  const range = ["--start", `${9 * BLOCK + 1}`, "--end", `${60 * BLOCK + 1}`];
  const outcome = await run(["sync", "--streams", "3", ...range, part.from, part.to]);
  const expected = changedIn(large, 0, 9);
  assertSynced(outcome, part.to, expected);

  const fresh = pair(t, { source: large });
  rmSync(fresh.to);
  assertSynced(
    await run(["sync", "--streams", "2", "--create", fresh.from, fresh.to]),
    fresh.to,
    large,
  );
  const longer = pair(t, { source: large, destination: Buffer.concat([large, SOURCE]) });
  const cut = await run(["sync", "--streams", "2", "--truncate", longer.from, longer.to]);
  assertSynced(cut, longer.to, large);
});

test("one that grows, where a stream is late: none takes a part of what another has written", async (t) => {
  const { from, to } = pair(t, {
    source: large,
    destination: changedIn(large, 0, 9, 16, 25).subarray(0, 32 * BLOCK),
  });
  const slow = join(dirname(to), "slow");
  // The stage of the last stream would have ended by then.
  script(slow, `case $* in *--part=2/3*) sleep 1.5;; esac; shift; exec sh -c "$*"`);
  const remote = ["--remote-command", quote(COMMAND)];
  const args = ["--streams", "3", "--truncate", "-e", slow, ...remote, from, `host:${to}`];
  assertSynced(await run(["sync", ...args]), to, large);
});

test("a full verification reads back all parts, wherever the ends of both are", async (t) => {
  const source = noise("verified", 24 * MIB + 99);
  const short = source.subarray(0, 17 * MIB + 5);
  for (const [destination, options] of [
    [short, ["--truncate"]],
    [Buffer.concat([changedIn(source, 3), SOURCE]), ["--allow-larger"]],
    [undefined, ["--create", "--sparse"]],
  ] as const) {
    const { from, to } = pair(t, { source, destination: destination ?? Buffer.alloc(0) });
    if (destination === undefined) rmSync(to);
    const outcome = await run(["sync", "--streams", "3", "--verify", "full", ...options, from, to]);
    assert.match(
      outcome.stderr,
      /^ {2}all parts read back and equal to the source, by 3 streams$/m,
    );
    const rest = options[0] === "--allow-larger" ? SOURCE : [];
    assertSynced(outcome, to, Buffer.concat([source, Buffer.from(rest)]));
  }
});

test("more streams than there may be are refused", async (t) => {
  const { from, to } = pair(t);
  const outcome = await run(["sync", "--streams", "9", from, to]);
  assertFailed(outcome, EXIT.usage, "sync", /"9" is not a number from 1 to 8/);
  assertSame(readFileSync(to), changedIn(SOURCE, 0, 17, 30));
});

test("a refusal by the first stream keeps the others from starting", async (t) => {
  const { from, to } = pair(t, { destination: Buffer.alloc(5 * BLOCK) });
  const outcome = await run(["sync", "--streams", "2", from, to]);
  assertFailed(outcome, EXIT.usage, "sync", /has 5255225 bytes and the destination 655360/);
  assertSame(readFileSync(to), Buffer.alloc(5 * BLOCK));
});

test(
  "a failure of one ends all, and the times are not those of a copy that is complete",
  { skip: lackingRoot("mount") },
  async (t) => {
    const { folder, from } = pair(t, { source: large });
    // Room for the first half, which is there, and not for all of the second, which is a hole.
    const to = join(mountTmpfs(t, folder, 34 * BLOCK), "copy");
    writeFileSync(to, large.subarray(0, 32 * BLOCK));
    truncateSync(to, large.length);
    // Without --sparse, the lack of room is seen before the first write.
    const outcome = await run(["sync", "--streams", "2", "--sparse", "-t", from, to]);
    assertFailed(outcome, EXIT.io, "sync", /No space left/);
    assert.notEqual(statSync(to).mtimeMs, statSync(from).mtimeMs);
  },
);

test("between hosts: one connection per stream and host", { skip: lackingHosts }, async (t) => {
  const { from, to } = pair(t, { source: large, destination: changedIn(large, 1, 40, 69) });
  const before = logins("one") + logins("two");
  const outcome = await sync(["--streams", "3", `one:${from}`, `two:${to}`]);
  assertSynced(outcome, to, large);
  assert.equal(logins("one") + logins("two") - before, 6);
});
