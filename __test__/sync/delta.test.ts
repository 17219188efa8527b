// A copy whose blocks are kept in a file here, for a `save` that comes later.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { assertFailed, assertSucceeded, EXIT, type Outcome, run } from "../support/programs/cli.ts";
import { noise } from "../support/files/files.ts";
import { hosts, lackingHosts, script, sync } from "../support/hosts/hosts.ts";
import { mountTmpfs } from "../support/files/mount.ts";
import { FIELD, readBlockStream } from "../support/wire/records.ts";
import { rootOf, sha3Digests } from "../support/wire/root-digest.ts";
import { changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { lackingRoot, lackingTrace } from "../support/programs/tools.ts";
import { trace } from "../support/programs/trace.ts";
import type { StageContext } from "../../src/blocks/context.ts";
import { adviceOn } from "../../src/errors/explain.ts";
import { openForDryRun } from "../../src/stages/save/destination.ts";
import { refuseTogether, type SyncOptions } from "../../src/commands/sync/conflicts.ts";
import { DeltaStream } from "../../src/sync/delta-stream.ts";

const skip = lackingHosts;

/** A destination that shall stay as it is. */
const DESTINATION = changedIn(SOURCE, 0, 17, 30);

/** Asserts that the delta was made, that nothing else was, and that it makes the destination equal. */
async function assertDelta(
  outcome: Outcome,
  { delta, to, before = DESTINATION }: { delta: string; to: string; before?: Buffer },
): Promise<void> {
  assertSucceeded(outcome);
  assert.equal(outcome.stdout.length, 0);
  assertSame(readFileSync(to), before, "the destination before `save`");
  assert.deepEqual(
    readdirSync(join(delta, "..")).filter((name) => name.endsWith(".new")),
    [],
  );
  const stdin = readFileSync(delta);
  assertSucceeded(await run(["save", "--verify=full", "--truncate", to], { stdin }));
  assertSame(readFileSync(to), SOURCE, "the destination after `save`");
}

test("the delta of two files here", async (t) => {
  const { folder, from, to } = pair(t);
  const delta = join(folder, "delta");
  const outcome = await run(["sync", "--digest", "sha3-512", "--delta", delta, from, to]);
  assert.match(outcome.stderr, /: 3 blocks \(384\.00 KiB\) differ, in 384\.\d\d KiB of .*delta\n$/);
  const { head, records } = readBlockStream(readFileSync(delta));
  assert.equal(records.length, 3);
  const base = head.get(FIELD.head.base);
  assert.equal(base?.readBigUInt64BE(), BigInt(DESTINATION.length));
  const root = rootOf(DESTINATION.length, "sha3-512", sha3Digests(DESTINATION));
  assert.equal(base?.subarray(8).toString("hex"), root);
  assert.equal(statSync(delta).mode & 0o777, 0o600);
  await assertDelta({ ...outcome, stderr: "" }, { delta, to });
  const again = await run(["save", to], { stdin: readFileSync(delta) });
  assertFailed(again, EXIT.otherDestination, "save", /is not what the stream was made for/);
});

test("options of the stages, sizes that differ, a destination that is missing", async (t) => {
  const { folder, from, to } = pair(t);
  const delta = join(folder, "delta");
  const args = ["--digest", "blake3", "--block-size", "4K", "--compress", "zstd"];
  await assertDelta(await run(["sync", ...args, "--delta", delta, from, to]), { delta, to });
  const longer = Buffer.concat([DESTINATION, noise("tail", 5)]);
  writeFileSync(to, longer);
  const plain = ["sync", "--delta", delta, from, to];
  // The delta of the last run stays if no new one is made.
  const kept = readFileSync(delta);
  assertFailed(await run(plain), EXIT.usage, "sync", /bytes and the destination/);
  assertSame(readFileSync(delta), kept);
  await assertDelta(await run([...plain, "--truncate"]), { delta, to, before: longer });
  rmSync(to);
  assertFailed(await run(plain), EXIT.missing, "sync", /destination/);
  assertSucceeded(await run([...plain, "--create"]));
  assert.ok(!existsSync(to));
  assertSucceeded(await run(["save", "--create", to], { stdin: readFileSync(delta) }));
  assertSame(readFileSync(to), SOURCE);
  assertSucceeded(await run(plain));
  assert.equal(readBlockStream(readFileSync(delta)).records.length, 0);
});

test("digests that are kept spare it the reading, and stay as they are", async (t) => {
  const { folder, from, to } = pair(t, { destination: SOURCE });
  const [digests, delta] = [join(folder, "digests"), join(folder, "delta")];
  const cached = ["--digest-cache", digests];
  const first = await run(["sync", ...cached, "--delta", delta, from, to]);
  assert.match(first.stderr, /digests does not exist: reading all of /);
  assert.ok(!existsSync(digests));
  assert.equal((await run(["sync", ...cached, from, to])).code, EXIT.ok);
  const before = readFileSync(digests);
  writeFileSync(from, changedIn(SOURCE, 5));
  const outcome = await run(["sync", "-v", ...cached, "--delta", delta, from, to]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assert.match(outcome.stderr, /: 1 block \(128\.00 KiB\) differs, in /);
  assert.doesNotMatch(outcome.stderr, /receive: .*destination: \d+ bytes, /, "it was read");
  assertSame(readFileSync(digests), before);
  assertSucceeded(await run(["save", to], { stdin: readFileSync(delta) }));
  assertSame(readFileSync(to), changedIn(SOURCE, 5));
});

test("only the file is opened for writing", { skip: lackingTrace() }, async (t) => {
  const { folder, from, to } = pair(t);
  const delta = join(folder, "delta");
  const traced = trace(folder, "trace=openat,open,creat,ftruncate");
  const { code, stderr } = await run(["sync", "--delta", delta, from, to], {
    prefix: traced.prefix,
    env: { TMPDIR: folder },
  });
  assert.equal(code, EXIT.ok, stderr);
  const written = traced
    .calls()
    .filter((call) => call.includes(folder) && /O_WRONLY|O_RDWR|O_CREAT/.test(call))
    .filter((call) => !/delta\.[-0-9a-f]+\.new"|O_TMPFILE/.test(call));
  assert.deepEqual(written, []);
});

test("a destination in use is refused, without advice to force it", async (t) => {
  const { folder, from, to } = pair(t);
  const file = openSync(to, "r+");
  const user = spawn("sleep", ["60"], { stdio: ["ignore", "ignore", "ignore", file] });
  killAtEnd(t, user);
  closeSync(file);
  const outcome = await run(["sync", "--delta", join(folder, "delta"), from, to]);
  assertFailed(outcome, EXIT.busy, "sync", /open for writing; free it first: it must not change/);
});

test("a destination whose use cannot be found out is refused without that advice too", async () => {
  for (const kind of ["unseen", "silent-loop"]) {
    const failure = Object.assign(new Error("it may be in use"), { kind });
    const engine = { refuseUsed: () => Promise.reject(failure) };
    const context = { engine } as unknown as StageContext;
    const options = { file: "/file", force: false, create: false };
    const advice = async (isForDelta: boolean): Promise<string> =>
      openForDryRun(context, { ...options, isForDelta }).then(
        () => "",
        (error: unknown) => adviceOn(error, "receive"),
      );
    assert.match(await advice(false), /, or use --force/);
    assert.doesNotMatch(await advice(true), /--force/);
  }
});

test("options that exclude it", async (t) => {
  const { folder, from, to } = pair(t);
  const delta = join(folder, "delta");
  const outcome = await run(["sync", "--delta", delta, "-n", from, to]);
  assertFailed(outcome, EXIT.usage, "sync", /--dry-run does not work with --delta/);
  assert.ok(!existsSync(delta));
  const others: [string, Partial<SyncOptions>][] = [
    ["--start", { start: 0 }],
    ["--end", { end: 1 }],
    ["--ranges", { ranges: "map" }],
    ["--force", { force: true }],
    ["--lock", { lock: true }],
    ["--sparse", { sparse: true }],
    ["--verify", { verify: "full" }],
    ["--times", { times: true }],
    ["--perms", { perms: true }],
    ["--owner", { owner: true }],
    ["--group", { group: true }],
    ["--numeric-ids", { numericIds: true }],
  ];
  const plain = { verify: "none", delta } as SyncOptions;
  refuseTogether({ ...plain, create: true, truncate: true });
  for (const [option, options] of others)
    assert.throws(
      () => refuseTogether({ ...plain, ...options }),
      new RegExp(`^UsageError: ${option} does not work with --delta`),
    );
});

test("a file that is not a delta is not replaced", async (t) => {
  const { folder, from, to } = pair(t);
  const link = join(folder, "link");
  symlinkSync(join(folder, "elsewhere"), link);
  const other = join(folder, "other");
  writeFileSync(other, "a file of another user");
  const refused: [string, RegExp][] = [
    [other, /is not a delta/],
    [link, /is a symbolic link/],
    [from, /is the source or the destination/],
    [to, /is the source or the destination/],
    [folder, /is not a delta/],
    ["-", /a delta cannot be written to a pipe/],
  ];
  for (const [path, message] of refused)
    assertFailed(await run(["sync", "--delta", path, from, to]), EXIT.usage, "sync", message);
  const nowhere = join(folder, "missing", "delta");
  const outcome = await run(["sync", "--delta", nowhere, from, to]);
  assertFailed(outcome, EXIT.io, "sync", new RegExp(`writing the delta ${nowhere} .*ENOENT`));
  assert.equal(readFileSync(other, "utf8"), "a file of another user");
  assertSame(readFileSync(from), SOURCE);
  // As mktemp(1) makes it.
  writeFileSync(other, "");
  await assertDelta(await run(["sync", "--delta", other, from, to]), { delta: other, to });
});

test(
  "no room for it: the message names it, and nothing is left",
  { skip: lackingRoot() },
  async (t) => {
    const { folder, from, to } = pair(t, { destination: Buffer.alloc(SOURCE.length, 7) });
    const delta = join(mountTmpfs(t, folder, 2 ** 20), "delta");
    const outcome = await run(["sync", "--delta", delta, from, to]);
    const named = new RegExp(`writing the delta ${delta} failed after \\d+ bytes: .*ENOSPC`);
    assertFailed(outcome, EXIT.io, "sync", named, /free space/);
    assert.deepEqual(readdirSync(join(delta, "..")), []);
  },
);

test("from there, for what is here", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const delta = join(folder, "delta");
  await assertDelta(await sync(["--delta", delta, `one:${from}`, to]), { delta, to });
});

test("between two others", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const delta = join(folder, "delta");
  await assertDelta(await sync(["--delta", delta, `one:${from}`, `two:${to}`]), { delta, to });
});

test("a shell there that talks, and one that loses the end", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const delta = join(folder, "delta");
  const ssh = join(folder, "ssh");
  const real = `/usr/bin/ssh -F ${hosts().config} "$@"`;
  for (const [wrapped, message] of [
    [`echo welcome; exec ${real}`, /the stream from one is not a complete delta: unknown command/],
    [`${real} | head -c 100000`, /the stream from one is not a complete delta: incomplete read/],
  ] as const) {
    script(ssh, wrapped);
    const outcome = await sync(["-e", ssh, "--delta", delta, `one:${from}`, to]);
    assertFailed(outcome, EXIT.protocol, "sync", message, /no delta was written/);
    assert.ok(!existsSync(delta));
  }
});

test("wherever a delta is cut into pieces, it is looked at alike", async (t) => {
  const { folder, from, to } = pair(t);
  const path = join(folder, "delta");
  const args = ["--compress", "zstd:19", "--delta", path];
  assertSucceeded(await run(["sync", ...args, from, to]));
  const delta = readFileSync(path);
  const feed = (bytes: Buffer, length: number): void => {
    const stream = new DeltaStream();
    for (let at = 0; at < bytes.length; at += length) stream.add(bytes.subarray(at, at + length));
    assert.equal(stream.bytes, bytes.length);
    stream.end();
  };
  for (const length of [1, 7, 1000, delta.length]) feed(delta, length);
  for (let end = 0; end < delta.length; end += 997)
    assert.throws(() => feed(delta.subarray(0, end), 4096), /closed|incomplete/, `${end}`);
  assert.throws(() => feed(Buffer.concat([delta, Buffer.of(0)]), 5000), /bytes follow/);
  const hashes = await run(["checksum", "--extended", to]);
  const { stdout } = await run(["retrieve", from], { stdin: hashes.stdout });
  assert.throws(() => feed(stdout, 5000), /do not say what they are a difference from/);
});
