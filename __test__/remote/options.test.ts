// Each option of a copy between hosts.
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, bash, COMMAND, EXIT, quote } from "../support/programs/cli.ts";
import { readEvents } from "../support/programs/events.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import {
  environmentHere,
  hosts,
  lackingHosts,
  prefixHere,
  script,
  sync,
} from "../support/hosts/hosts.ts";
import { assertSynced, bytesSent, changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { lacking } from "../support/programs/tools.ts";

const skip = lackingHosts;

for (const method of ["lz4", "zstd:19", "lzma:0", "auto"]) {
  test(`--compress ${method}`, { skip }, async (t) => {
    const { from, to } = pair(t, { destination: noise("other", SOURCE.length) });
    const outcome = await sync(["--compress", method, from, `one:${to}`]);
    assertSame(readFileSync(to), SOURCE);
    const sent = bytesSent(outcome);
    // Half of it is noise.
    if (method !== "auto") assert.ok(sent < 0.7 * SOURCE.length, `${sent}`);
  });
}

test("--digest, --block-size and --compress none", { skip }, async (t) => {
  const { from, to } = pair(t);
  const options = ["--digest", "sha3-512", "--block-size", "4K", "--compress", "none"];
  const sent = bytesSent(await sync([...options, `one:${from}`, to]));
  assert.ok(sent > 3 * 4096 && sent < 3 * 4096 + 1024, `${sent}`);
  assertSame(readFileSync(to), SOURCE);
});

test("--start and --end", { skip }, async (t) => {
  const { from, to } = pair(t);
  assertSynced(
    await sync(["--start", "128K", "--end", "2M", from, `one:${to}`]),
    to,
    changedIn(SOURCE, 0, 17, 30),
  );
  const beyond = await sync(["--end", "1G", from, `one:${to}`]);
  // Either end may be the first to say so.
  assertFailed(beyond, EXIT.usage, "sync", /--end 1073741824 lies beyond the end of/);
});

test("--create, --truncate and --allow-larger", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const made = join(folder, "made");
  assertFailed(await sync([from, `one:${made}`]), EXIT.missing, "sync", /on one: /, /made/);
  assert.ok(!existsSync(made));
  assertSynced(await sync(["--create", from, `one:${made}`]), made);

  const longer = Buffer.concat([changedIn(SOURCE, 1), noise("tail", BLOCK)]);
  writeFileSync(to, longer);
  const expected = Buffer.concat([SOURCE, noise("tail", BLOCK)]);
  assertSynced(await sync(["--allow-larger", from, `one:${to}`]), to, expected);
  assertSynced(await sync(["--truncate", from, `one:${to}`]), to);
});

test(
  "-t, -p, -o, -g and -v, with --direct, --threads and --queue-depth, which reach both sides",
  { skip },
  async (t) => {
    const { from, to } = pair(t);
    chownSync(from, 12_345, 23_456);
    chmodSync(from, 0o640);
    utimesSync(from, 1_000_000_000, 1_100_000_000);
    const attributes = ["-t", "-p", "-o", "-g", "--numeric-ids"];
    const work = ["-v", "--direct", "off", "--threads", "3", "--queue-depth", "5"];
    const { code, stderr } = await sync([...attributes, ...work, `one:${from}`, `two:${to}`]);
    assert.equal(code, EXIT.ok, stderr);
    for (const side of ["one: blockcopy retrieve", "two: blockcopy receive"])
      assert.match(stderr, new RegExp(`^blockcopy sync: ${side}: .* hash: 3, .* flight: 5`, "m"));
    assertSame(readFileSync(to), SOURCE);
    const { uid, gid, mode, mtimeMs } = statSync(to);
    assert.deepEqual([uid, gid, mode & 0o7777, mtimeMs], [12_345, 23_456, 0o640, 1.1e12]);
  },
);

test("--sparse and --verify full", { skip }, async (t) => {
  const zeros = Buffer.alloc(40 * BLOCK);
  const { from, to } = pair(t, { source: zeros, destination: noise("full", zeros.length) });
  const outcome = await sync(["--sparse", "--verify", "full", from, `one:${to}`]);
  assertSynced(outcome, to, zeros);
  assert.match(outcome.stderr, /read back/);
  assert.equal(statSync(to).blocks, 0);
});

test("--verify written", { skip }, async (t) => {
  const { from, to } = pair(t);
  const { code, stderr } = await sync(["--verify", "written", from, `one:${to}`]);
  assert.equal(code, EXIT.ok, stderr);
  assert.match(stderr, /Sync done in .*: 3 blocks [^]*read back/);
  assertSame(readFileSync(to), SOURCE);
});

test("--digest-cache: the next run does not read the destination", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const digests = join(folder, "digests");
  const args = ["--digest-cache", digests, from, `one:${to}`];
  const first = await sync(args);
  assert.equal(first.code, EXIT.ok);
  assert.match(first.stderr, /^WARNING \(sync\): one: .*digests does not exist: reading all of /);
  assertSame(readFileSync(to), SOURCE);
  // A run that does not read the destination cannot notice changed blocks, so the destination's times must be as they were.
  const { atime, mtime } = statSync(to);
  const { code, stderr } = await sync(["-v", ...args]);
  assert.equal(code, EXIT.ok, stderr);
  assert.doesNotMatch(stderr, /receive: .*destination: \d+ bytes, /, "the destination was read");
  assert.deepEqual(statSync(to).mtime, mtime);
  assert.ok(atime);
  writeFileSync(from, changedIn(SOURCE, 5));
  const third = await sync(args);
  assertSynced(third, to, changedIn(SOURCE, 5));
});

test("-e takes words with quotes, and no shell looks at it", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const config = join(folder, "a config; $(touch harm)");
  writeFileSync(config, readFileSync(hosts().config));
  const rsh = `/usr/bin/ssh -F "${config}" -o  'Compression no'`;
  assertSynced(await sync(["-e", rsh, from, `one:${to}`], { cwd: folder }), to);
  assert.ok(!existsSync(join(folder, "harm")));
  const open = await sync(["-e", `ssh "-v`, from, `one:${to}`]);
  assertFailed(open, EXIT.usage, "sync", /is not a command/);
  const missing = await sync(["-e", "/nonexistent/ssh", from, `one:${to}`]);
  assertFailed(missing, EXIT.busy, "sync", /connects to one cannot be started \(ENOENT\)/, /--rsh/);
});

test("--remote-command with arguments, --sudo", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const log = join(folder, "log");
  const wrapper = join(folder, "wrapper");
  script(wrapper, `echo "$1" >> ${quote([log])}; shift; exec blockcopy "$@"`);
  assertSynced(
    await sync(["--remote-command", `nice -n 1 ${wrapper} word`, from, `one:${to}`]),
    to,
  );
  assert.equal(readFileSync(log, "utf8"), "word\n");

  writeFileSync(to, noise("other", SOURCE.length));
  const sudo = join(folder, "sudo");
  script(sudo, `echo "sudo $1" >> ${quote([log])}; shift; exec "$@"`);
  // The PATH of the far host is the same for all tests; the fake is found by a wrapper of ssh.
  const ssh = join(folder, "ssh");
  script(
    ssh,
    `[ "$*" = -V ] && exec /usr/bin/ssh -V
left=$#
while [ $left -gt 1 ]; do set -- "$@" "$1"; shift; left=$((left - 1)); done
last=$1; shift
exec /usr/bin/ssh -F ${quote([hosts().config])} "$@" "PATH=${folder}:\\$PATH $last"`,
  );
  assertSynced(await sync(["--sudo", "-e", ssh, from, `one:${to}`]), to);
  assert.equal(readFileSync(log, "utf8"), "word\nsudo -n\n");
});

test("events count to the end", { skip }, async (t) => {
  for (const [destination, option] of [
    [changedIn(SOURCE, 3), []],
    [noise("longer", SOURCE.length + 5 * BLOCK), ["--truncate"]],
  ] as const) {
    const { from, to } = pair(t, { destination });
    const { code, stdout, stderr } = await sync(["--json", ...option, from, `one:${to}`]);
    assert.deepEqual([code, stderr], [EXIT.ok, ""]);
    const events = readEvents(stdout);
    const done = events.flatMap((event) => (event.event === "progress" ? [event.done] : []));
    assert.deepEqual(
      done,
      done.toSorted((a, b) => a - b),
    );
    assert.equal(done.at(-1), SOURCE.length);
    const totals = events.flatMap((event) => (event.event === "begin" ? [event.total] : []));
    assert.deepEqual(totals, [SOURCE.length]);
  }
});

test("on a terminal there is one summary", { skip: skip || lacking("script") }, async (t) => {
  const { from, to } = pair(t);
  const command = quote([...prefixHere(), ...COMMAND, "sync", from, `one:${to}`]);
  const { code, stdout } = await bash(
    `TERM=xterm script -qec ${quote([command])} /dev/null < /dev/null`,
    { env: environmentHere() },
  );
  assert.equal(code, EXIT.ok, stdout.toString());
  const size = (SOURCE.length / 2 ** 20).toFixed(2);
  const summary = `✔ Sync done in \\d+\\.\\d+ seconds: 3 blocks \\(384\\.00 KiB\\) differed and were replaced ${size} MiB read at [\\d.]+ [KMG]iB/s, 4\\.64 MiB were the same [\\d.]+ KiB sent \\(384\\.00 KiB compressed to [\\d.]+ KiB\\) $`;
  // Each of its lines first erases what stands there, and is wrapped at a space where it is too long.
  const shown = stdout.toString().replaceAll("\r\x1b[K", "").replaceAll(/\s+/g, " ");
  assert.match(shown, new RegExp(summary));
  assert.equal(shown.split("Sync done").length, 2, shown);
});

test(
  "a failure with -v has its own words as the last line, and details before it",
  { skip },
  async (t) => {
    const { from, to } = pair(t);
    const { code, stderr } = await sync(["-v", from, `one:${to}.missing`]);
    assert.equal(code, EXIT.missing);
    assert.match(stderr, /^ERROR \(sync\): on one: .*\n$/m);
    assert.doesNotMatch(stderr, /^WARNING/m);
  },
);
