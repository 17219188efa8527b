// A delta that several streams make together: each compares a part of the source, and one file gets what all have sent.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertFailed,
  assertSucceeded,
  COMMAND,
  EXIT,
  type Outcome,
  quote,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import { lackingHosts, logins, script, sync } from "../support/hosts/hosts.ts";
import { mountTmpfs } from "../support/files/mount.ts";
import { readBlockStream } from "../support/wire/records.ts";
import { changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { lackingRoot } from "../support/programs/tools.ts";

/** Six parts, the last one short; the third one is zeros. */
const large = Buffer.concat([
  noise("one", 64 * BLOCK),
  Buffer.alloc(32 * BLOCK),
  noise("two", 70 * BLOCK + 99),
]);

/** Asserts that a delta makes `to` equal to `source`, that this is proved, and that nothing but the delta was written. */
async function assertDelta(
  outcome: Outcome,
  { delta, to, source = large }: { delta: string; to: string; source?: Buffer },
): Promise<void> {
  assertSucceeded(outcome);
  assert.match(outcome.stderr, /^Delta written in /m);
  assert.deepEqual(
    readdirSync(dirname(delta)).filter((name) => /\.new$|^blockcopy-/.test(name)),
    [],
  );
  const stdin = readFileSync(delta);
  assertSucceeded(await run(["save", "--verify=full", "--truncate", "--create", to], { stdin }));
  assertSame(readFileSync(to), source, "the destination after `save`");
}

test("three streams make the delta that one makes, but for its head", async (t) => {
  const destination = changedIn(large, 0, 31, 32, 70, 95, 96, 97, 165);
  const { folder, from, to } = pair(t, { source: large, destination });
  const [delta, other] = [join(folder, "delta"), join(folder, "other")];
  const outcome = await run(["sync", "--streams", "3", "--delta", delta, from, to]);
  assert.match(outcome.stderr, /: 8 blocks \(.*\) differ, in .* of .*delta\n/);
  assertSucceeded(await run(["sync", "--delta", other, from, to]));
  const [made, expected] = [delta, other].map((file) => readBlockStream(readFileSync(file)));
  assert.deepEqual(made?.records, expected?.records);
  assert.deepEqual(made?.root, expected?.root);
  await assertDelta(outcome, { delta, to });
  const again = await run(["sync", "--streams", "3", "--delta", delta, from, to]);
  assert.match(again.stderr, /: nothing differs, and .*delta has no blocks\n/);
  assert.equal(readBlockStream(readFileSync(delta)).records.length, 0);
});

test("ends of other sizes, and a destination that is missing", async (t) => {
  const { folder, from, to } = pair(t, { source: large });
  const delta = join(folder, "delta");
  const args = ["sync", "--streams", "2", "--digest", "sha3-512", "--delta", delta];
  const short = changedIn(large, 3).subarray(0, 100 * BLOCK + 7);
  writeFileSync(to, short);
  assertFailed(await run([...args, from, to]), EXIT.usage, "sync", /bytes and the destination/);
  for (const destination of [Buffer.concat([changedIn(large, 9), SOURCE]), short, undefined]) {
    if (destination === undefined) rmSync(to);
    else writeFileSync(to, destination);
    const outcome = await run([...args, "--truncate", "--create", from, to]);
    await assertDelta(outcome, { delta, to });
  }
});

/** Returns arguments for a source on another host, whose stages a script runs: `$cmd` is what it is to run. */
function through(folder: string, stages: string): string[] {
  const rsh = join(folder, "rsh");
  script(rsh, `shift\ncmd="$*"\n${stages}\nexec sh -c "$cmd"`);
  return ["-e", rsh, "--remote-command", quote(COMMAND)];
}

test("blocks of later parts wait while the first stream is slow", async (t) => {
  const destination = Buffer.alloc(large.length, 1);
  const { folder, from, to } = pair(t, { source: large, destination });
  const delta = join(folder, "delta");
  // The first stream is the one that is not told the size of the source.
  const slow = `case $cmd in *--source-size*) ;; *) sh -c "$cmd" | (sleep 1.5; cat); exit;; esac`;
  const args = ["--compress", "none", "--streams", "3", "--delta", delta];
  const outcome = await run(["sync", ...through(folder, slow), ...args, `host:${from}`, to]);
  await assertDelta(outcome, { delta, to });
});

test("a stream that is cut, one that talks, and digests that are cut", async (t) => {
  const destination = Buffer.alloc(large.length, 1);
  const { folder, from, to } = pair(t, { source: large, destination });
  const delta = join(folder, "delta");
  writeFileSync(delta, "");
  const later = (then: string): string => `case $cmd in *--source-size*) ${then};; esac`;
  const cases: [string, number, RegExp][] = [
    [later('sh -c "$cmd" | head -c 100000; exit'), EXIT.cut, /reads the block stream any more/],
    [later('echo welcome; sh -c "$cmd"; exit'), EXIT.protocol, /delta: unknown command/],
    [later('(sh -c "$cmd"; kill -9 $$) | head -c 100000; kill -9 $$'), EXIT.cut, /./],
  ];
  const args = ["--compress", "none", "--streams", "2", "--delta", delta];
  for (const [stages, code, message] of cases) {
    const outcome = await run(["sync", ...through(folder, stages), ...args, `host:${from}`, to]);
    assertFailed(outcome, code, "sync", message, /no delta was written/);
    assert.equal(readFileSync(delta).length, 0, "the file as it was");
  }
  const cut = through(folder, `(sh -c "$cmd") | head -c 5000; exit`);
  const digests = await run(["sync", ...cut, ...args, from, `host:${to}`]);
  assert.notEqual(digests.code, 0);
  const talks = through(folder, `echo welcome; sh -c "$cmd"; exit`);
  const talked = await run(["sync", ...talks, ...args, from, `host:${to}`]);
  assertFailed(talked, EXIT.protocol, "sync", /host is not a complete list of digests: unknown/);
  assert.equal(readFileSync(delta).length, 0);
  assertSame(readFileSync(to), destination);
});

test("no room for what waits: the message names the delta", { skip: lackingRoot() }, async (t) => {
  const { folder, from, to } = pair(t, {
    source: large,
    destination: Buffer.alloc(large.length, 1),
  });
  const delta = join(mountTmpfs(t, folder, 6 * 2 ** 20), "delta");
  const slow = `case $cmd in *--source-size*) ;; *) sh -c "$cmd" | (sleep 3; cat); exit;; esac`;
  const args = ["--compress", "none", "--streams", "3", "--delta", delta];
  const outcome = await run(["sync", ...through(folder, slow), ...args, `host:${from}`, to]);
  const named = new RegExp(`writing the delta ${delta} failed after \\d+ bytes: .*ENOSPC`);
  assertFailed(outcome, EXIT.io, "sync", named, /free space/);
  assert.ok(!existsSync(delta));
  assert.deepEqual(readdirSync(dirname(delta)), []);
});

test("between hosts: one connection to the destination", { skip: lackingHosts }, async (t) => {
  const destination = changedIn(large, 1, 40, 150);
  const { folder, from, to } = pair(t, { source: large, destination });
  const delta = join(folder, "delta");
  const before = [logins("one"), logins("two")];
  const outcome = await sync(["--streams", "3", "--delta", delta, `one:${from}`, `two:${to}`]);
  assert.deepEqual([logins("one"), logins("two")], [(before[0] ?? 0) + 3, (before[1] ?? 0) + 1]);
  await assertDelta(outcome, { delta, to });
});
