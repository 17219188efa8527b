// One of several destinations fails, stops or lags: the others are complete, and do not wait.
import assert from "node:assert/strict";
import {
  existsSync,
  openSync,
  readFileSync,
  readdirSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import { cutBacking, lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountTmpfs } from "../support/files/mount.ts";
import { assertFailed, EXIT, type Outcome, run } from "../support/programs/cli.ts";
import { lastOf, many, manyEvents, oddHost } from "../support/programs/many.ts";
import { complete, sending, startMany } from "../support/programs/many-running.ts";
import { changedIn, SOURCE } from "../support/programs/sync-pair.ts";
import { lackingRoot, lackingTrace } from "../support/programs/tools.ts";
import { trace } from "../support/programs/trace.ts";

test("destinations that cannot be opened, are of another size, or are on a host that is down", async (t) => {
  const { folder, from, to } = many(t, [[0], [1], [2], [3]]);
  const [first = "", second = "", third = "", fourth = ""] = to;
  truncateSync(second, BLOCK);
  const missing = join(folder, "missing\x1b[2J\nERROR (sync): forged");
  const options = oddHost(folder, "echo no route to host >&2; exit 255");
  const named = [first, second, missing, third, `odd:${fourth}`];
  const outcome = await run(["sync", "--json", ...options, from, ...named]);
  assertFailed(
    outcome,
    EXIT.usage,
    "sync",
    /3 of 5 destinations failed: \S+copy-2 \(64\), .*missing.*\(66\), odd:\S+ \(69\);/,
  );
  assert.doesNotMatch(outcome.stderr, /\x1b|^ERROR \(sync\): forged/m);
  const events = manyEvents(outcome.stdout);
  assert.deepEqual(
    [1, 2, 3, 4, 5, undefined].map((id) => {
      const last = lastOf(events, id);
      return last.event === "error" ? last.code : 0;
    }),
    [0, EXIT.usage, EXIT.missing, 0, EXIT.busy, EXIT.usage],
  );
  for (const path of [first, third]) assertSame(readFileSync(path), SOURCE, path);
  assertSame(readFileSync(second), changedIn(SOURCE, 1).subarray(0, BLOCK));
  assertSame(readFileSync(fourth), changedIn(SOURCE, 3));
});

test("a connection that is cut in the middle", async (t) => {
  const { folder, from, to } = many(t, [[0], [1], [2]]);
  const [first = "", second = "", third = ""] = to;
  writeFileSync(second, noise("other", SOURCE.length));
  const named = [from, first, `odd:${second}`, third];
  const cut = oddHost(folder, 'head -c 1500000 | "$@"');
  const outcome = await run(["sync", "--compress", "none", ...cut, ...named]);
  assertFailed(
    outcome,
    outcome.code ?? 0,
    "sync",
    /1 of 3 destinations failed: odd:\S+ \(7[56]\);/,
  );
  for (const path of [first, third]) assertSame(readFileSync(path), SOURCE, path);
  const begun = readFileSync(second);
  assert.ok(!begun.equals(SOURCE));
  assertSame(begun.subarray(0, BLOCK), SOURCE.subarray(0, BLOCK));
  // Running the same command again helps.
  const again = await run(["sync", ...oddHost(folder, '"$@"'), ...named]);
  assert.equal(again.code, EXIT.ok, again.stderr);
  assertSame(readFileSync(second), SOURCE);
});

test("a stage that is killed in the middle", async (t) => {
  const source = noise("large", 24 * 2 ** 20);
  const { folder, from, to } = many(t, [[0], [], [2]], source);
  const [first = "", second = "", third = ""] = to;
  writeFileSync(second, Buffer.alloc(source.length));
  const options = ["--bwlimit", "1M", ...oddHost(folder, 'echo $$ > "$FOLDER/pid"; exec "$@"')];
  const started = startMany(t, [...options, from, first, `odd:${second}`, third]);
  await complete(started, 2);
  await sending(started, [2]);
  process.kill(Number(readFileSync(join(folder, "pid"), "utf8")), "SIGKILL");
  assert.equal((await started.running.ended).code, EXIT.cut, started.running.stderr());
  const last = lastOf(started.events(), 2);
  assert.ok(last.event === "error" && last.code === EXIT.cut, JSON.stringify(last));
  for (const path of [first, third]) assertSame(readFileSync(path), source, path);
});

test("a file system that is full", { skip: lackingRoot("mount") }, async (t) => {
  const { folder, from, to } = many(t, [[0], [1]]);
  const full = join(mountTmpfs(t, folder, 10 * BLOCK), "copy");
  writeFileSync(full, "");
  truncateSync(full, SOURCE.length);
  const outcome = await run(["sync", "--force", from, ...to, full]);
  assert.match(outcome.stderr, /^ERROR \(sync\): \S+\/copy: .*(No space left|free)/m);
  assertFailed(
    outcome,
    outcome.code ?? 0,
    "sync",
    /1 of 3 destinations failed: \S+\/copy \(\d\d\);/,
  );
  for (const path of to) assertSame(readFileSync(path), SOURCE, path);
});

test(
  "a source that cannot be read fails all, with its code, and is tried once",
  { skip: lackingLoop || lackingTrace() },
  async (t) => {
    const source = noise("source", 64 * BLOCK);
    const { folder, to } = many(t, [[0], [1], []], source);
    const [first = "", second = "", late = ""] = to;
    const from = loopWith(t, folder, source, { directIo: true });
    cutBacking(from, 61 * BLOCK);
    const tries = async (args: readonly string[]): Promise<[Outcome, number]> => {
      const traced = trace(folder, "trace=openat,read,pread64,preadv2");
      const outcome = await run(args, { prefix: traced.prefix });
      return [outcome, traced.calls().filter((call) => / = -1 EIO/.test(call)).length];
    };
    const [, once] = await tries(["checksum", from.path]);
    // The one that is late comes to the bad sector when the others have failed there and ended.
    const options = oddHost(
      folder,
      '"$@" | { head -c 1000; sleep 0.5; while pgrep -f "receive.*$FOLDER/copy-[12]"; do sleep 0.05; done >&2; cat; }',
    );
    const named = [first, second, `odd:${late}`];
    const [outcome, count] = await tries(["sync", ...options, from.path, ...named]);
    assertFailed(outcome, EXIT.io, "sync", /3 of 3 destinations failed/);
    const what = `cannot read ${from.path} at offset ${61 * BLOCK}: `;
    assert.equal(outcome.stderr.split(what).length - 1, 3, outcome.stderr);
    assert.equal(count, once);
  },
);

test("a source that cannot be opened is one error", async (t) => {
  const { folder, to } = many(t, [[0], [1]]);
  const outcome = await run(["sync", join(folder, "missing"), ...to]);
  assertFailed(outcome, EXIT.missing, "sync", /cannot open \S+\/missing: No such file/);
  assert.equal(outcome.stderr.trimEnd().split("\n").length, 1, outcome.stderr);
});

test("a destination that reads nothing for a while delays no other, and goes on then", async (t) => {
  const source = noise("large", 16 * 2 ** 20);
  const { folder, from, to } = many(t, [[0], [], [], []], source);
  const [first = "", second = "", third = "", late = ""] = to;
  writeFileSync(late, Buffer.alloc(source.length));
  const options = oddHost(
    folder,
    '{ head -c 3000000; until [ -e "$FOLDER/go" ]; do sleep 0.05; done; cat; } | "$@"',
  );
  const started = startMany(t, [...options, from, first, `odd:${late}`, second, third]);
  await complete(started, 3);
  assert.ok(!started.events().some(({ event, id }) => event === "end" && id === 2));
  writeFileSync(join(folder, "go"), "");
  assert.equal((await started.running.ended).code, EXIT.ok, started.running.stderr());
  for (const path of to) assertSame(readFileSync(path), source, path);
  // It fits into the window.
  assert.equal(lastOf(started.events()).read, source.length);
});

test("one that connects later gets what is read for the others", async (t) => {
  const { folder, from, to } = many(t, [[], []], Buffer.alloc(0));
  const [first = "", second = ""] = to;
  // More than the window holds.
  const size = 320 * 2 ** 20;
  for (const path of [from, ...to]) truncateSync(path, size);
  writeFileSync(from, SOURCE, { flag: "r+" });
  const options = oddHost(folder, 'sleep 0.5; "$@"');
  const outcome = await run(["sync", "--json", ...options, from, first, `odd:${second}`]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  const { read = 0 } = lastOf(manyEvents(outcome.stdout));
  // On a busy machine, the two may drift apart later. A second one that began by itself would read all of it again.
  assert.ok(read >= size && read < 1.5 * size, `${read} bytes read`);
});

test("a destination that is later than the window reads by itself", async (t) => {
  const { folder, from } = many(t, []);
  const size = 2 ** 29 + 4321;
  const to = ["one", "two", "late"].map((name) => join(folder, name));
  for (const [place, path] of [from, ...to].entries()) {
    writeFileSync(path, "");
    truncateSync(path, size);
    if (place === 0) {
      const fd = openSync(path, "r+");
      for (const at of [0, 300, 400, 511]) writeSync(fd, noise(at, BLOCK), 0, BLOCK, at * 2 ** 20);
    }
  }
  const [one = "", two = "", late = ""] = to;
  const options = oddHost(
    folder,
    '"$@" | { head -c 2000; until [ -e "$FOLDER/go" ]; do sleep 0.05; done; cat; }',
  );
  const started = startMany(t, [...options, "--verify", "written", from, one, two, `odd:${late}`]);
  await complete(started, 2);
  writeFileSync(join(folder, "go"), "");
  assert.equal((await started.running.ended).code, EXIT.ok, started.running.stderr());
  const compared = await run(["compare", from, late]);
  assert.equal(compared.code, EXIT.ok, compared.stdout.toString());
  const { read = 0 } = lastOf(started.events());
  // On a busy machine, the first two may drift apart as well.
  assert.ok(read > size && read < 3 * size, `${read} bytes read`);
});

test("a stage that is stopped is given up alone", async (t) => {
  const { folder, from, to } = many(t, [[0], [1], [2]]);
  const [first = "", second = "", third = ""] = to;
  const options = ["--timeout", "2", ...oddHost(folder, 'kill -STOP $$; "$@"')];
  const outcome = await run(["sync", ...options, from, first, `odd:${second}`, third]);
  assertFailed(outcome, EXIT.cut, "sync", /1 of 3 destinations failed: odd:\S+ \(75\);/);
  for (const path of [first, third]) assertSame(readFileSync(path), SOURCE, path);
});

test("a signal ends all of them, and leaves no process", async (t) => {
  const source = noise("large", 24 * 2 ** 20);
  const { folder, from, to } = many(t, [[], [], []], source);
  for (const path of to) writeFileSync(path, Buffer.alloc(source.length));
  const started = startMany(t, ["--bwlimit", "2M", from, ...to]);
  await sending(started, [1, 2, 3]);
  process.kill(started.running.pid, "SIGINT");
  const { code } = await started.running.ended;
  assert.equal(code, 130, started.running.stderr());
  assert.match(
    started.running.stderr(),
    /copy-1: ended by SIGINT after \d+ bytes were written and synced[^]*\nERROR \(sync\): ended by SIGINT before all was copied/,
  );
  assert.equal(lastOf(started.events()).event, "error");
  const left = readdirSync("/proc").filter((name) => {
    const path = `/proc/${name}/cmdline`;
    try {
      return /^\d+$/.test(name) && readFileSync(path, "utf8").includes(folder);
    } catch {
      return false;
    }
  });
  assert.deepEqual(left, []);
  assert.ok(existsSync(from));
});

test("destinations that neither read nor write keep all usual threads waiting, and one is complete", async (t) => {
  const source = noise("many", 8 * 2 ** 20);
  const { folder, from, to } = many(
    t,
    Array.from({ length: 10 }, () => []),
    source,
  );
  for (const path of to) writeFileSync(path, Buffer.alloc(source.length));
  const options = oddHost(
    folder,
    `wait() { until [ -e "$FOLDER/go" ]; do sleep 0.05; done; cat; }
{ head -c 100000; wait; } | "$@" | { head -c 2000; wait; }`,
  );
  const [first = "", ...others] = to;
  const named = [first, ...others.map((path) => `odd:${path}`)];
  const started = startMany(t, ["--compress", "none", ...options, from, ...named]);
  await complete(started, 1);
  writeFileSync(join(folder, "go"), "");
  assert.equal((await started.running.ended).code, EXIT.ok, started.running.stderr());
  for (const path of to) assertSame(readFileSync(path), source, path);
});
