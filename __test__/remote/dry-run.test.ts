// A dry run says what would be done, and nothing is opened for writing.
import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { lackingHosts, sync } from "../support/hosts/hosts.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountedLoop } from "../support/files/mount.ts";
import { changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { trace } from "../support/programs/trace.ts";
import { lacking, lackingTrace } from "../support/programs/tools.ts";

const skip = lackingHosts;

for (const [what, a, b] of [
  ["here", "", ""],
  ["here to there", "", "one:"],
  ["there to here", "one:", ""],
  ["two others", "one:", "two:"],
] as const) {
  test(`a dry run, ${what}`, { skip: a + b === "" ? false : skip }, async (t) => {
    const { from, to } = pair(t, { destination: changedIn(SOURCE, 0, 17, 18, 30) });
    const destination = readFileSync(to);
    const before = statSync(to, { bigint: true });
    const start = a + b === "" ? (args: string[]) => run(["sync", ...args]) : sync;
    const { code, stdout, stderr } = await start(["-n", `${a}${from}`, `${b}${to}`]);
    assert.equal(code, EXIT.ok, stderr);
    assert.equal(stderr, "");
    assert.match(
      stdout.toString(),
      /^4 blocks \(512\.00 KiB\) differ, \d+\.\d\d KiB would be sent.*\n {2}5\.01 MiB read at .*, 4\.51 MiB are the same\n$/,
    );
    if (a !== "" && b === "") {
      const details = await start(["--dry-run", "-v", `${a}${from}`, `${b}${to}`]);
      assert.deepEqual(
        Array.from(details.stderr.matchAll(/(\d+) bytes at offset (\d+) differ$/gm), (m) =>
          [m[1], m[2]].map(Number),
        ),
        [
          [BLOCK, 0],
          [2 * BLOCK, 17 * BLOCK],
          [BLOCK, 30 * BLOCK],
        ],
      );
    }
    assertSame(readFileSync(to), destination);
    const after = statSync(to, { bigint: true });
    assert.deepEqual([after.mtimeNs, after.ctimeNs], [before.mtimeNs, before.ctimeNs]);
  });
}

test("equal files", async (t) => {
  const { from, to } = pair(t, { destination: SOURCE });
  const { code, stdout, stderr } = await run(["sync", "-n", from, to]);
  assert.deepEqual([code, stderr], [EXIT.ok, ""]);
  assert.match(
    stdout.toString(),
    /^nothing differs\n {2}5\.01 MiB read at .*, 5\.01 MiB are the same\n$/,
  );
});

test("a destination that cannot be written", { skip: skip || lackingLoop }, async (t) => {
  const folder = scratch(t);
  const before = noise("device", SOURCE.length - (SOURCE.length % 512));
  const to = loopWith(t, folder, before, { readOnly: true });
  const from = join(folder, "source");
  writeFileSync(from, SOURCE.subarray(0, before.length));
  assertFailed(await sync([from, `one:${to.path}`]), EXIT.permission, "sync", /on one: /);
  const { code, stdout, stderr } = await sync(["-n", from, `one:${to.path}`]);
  assert.equal(code, EXIT.ok, stderr);
  assert.match(stdout.toString(), /^41 blocks /);
  assertSame(deviceContent(to), before);
});

test(
  "a destination that is mounted or held is refused as without it",
  { skip: lackingLoop || lacking("mkfs.ext4") },
  async (t) => {
    const folder = scratch(t);
    const { backing, loop, point } = mountedLoop(t, folder);
    const from = join(folder, "source");
    writeFileSync(from, readFileSync(backing));
    for (const path of [loop.path, backing]) {
      const refused = await run(["sync", "-n", from, path]);
      assertFailed(refused, EXIT.busy, "sync", new RegExp(`${path}.*${point}; .*--force`));
      assert.equal(refused.stderr, (await run(["sync", from, path])).stderr);
      const forced = await run(["sync", "-n", "--force", from, path]);
      assert.equal(forced.code, EXIT.ok, forced.stderr);
      assert.match(forced.stdout.toString(), /^nothing differs\n/);
    }
    if (skip === false) {
      const refused = await sync(["-n", from, `one:${loop.path}`]);
      assertFailed(refused, EXIT.busy, "sync", new RegExp(`on one: .*${loop.path}.*${point}`));
    }
  },
);

test("a destination that would be made", { skip }, async (t) => {
  const { folder, from } = pair(t);
  const to = join(folder, "missing");
  assertFailed(await sync(["-n", from, `one:${to}`]), EXIT.missing, "sync", /on one: /);
  const { code, stdout } = await sync(["-n", "--create", from, `one:${to}`]);
  assert.equal(code, EXIT.ok);
  assert.match(stdout.toString(), /^41 blocks /);
  assert.ok(!existsSync(to));
});

test("sizes that differ are refused as without it", { skip }, async (t) => {
  const { from, to } = pair(t, { destination: SOURCE.subarray(1) });
  assertFailed(
    await sync(["-n", from, `one:${to}`]),
    EXIT.usage,
    "sync",
    /bytes and the destination/,
  );
});

test("nothing is opened for writing", { skip: lackingTrace() }, async (t) => {
  const { folder, from, to } = pair(t);
  chmodSync(to, 0o444);
  const traced = trace(folder, "trace=openat,open,creat,ftruncate");
  const { code, stderr } = await run(["sync", "-n", from, to], { prefix: traced.prefix });
  assert.equal(code, EXIT.ok, stderr);
  assert.deepEqual(
    traced
      .calls()
      .filter((call) => call.includes(`"${to}"`) && /O_WRONLY|O_RDWR|O_CREAT/.test(call)),
    [],
  );
});
