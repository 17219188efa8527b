// Output of sync for programs: events as documented, and numbers for Prometheus.
import assert from "node:assert/strict";
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertFailed, bash, blockcopy, EXIT, run } from "../support/programs/cli.ts";
import { parseEvent } from "../../src/ui/programs/parse-event.ts";
import { readEvents, type Event } from "../support/programs/events.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import { changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";

/** The one event of a kind. */
function only<K extends Event["event"]>(events: Event[], kind: K): Event & { event: K } {
  const found = events.filter(({ event }) => event === kind);
  assert.equal(found.length, 1, JSON.stringify(events));
  return found[0] as Event & { event: K };
}

/** The length of three blocks of {@link SOURCE} that differ. */
const COUNTED = {
  read: SOURCE.length,
  same: SOURCE.length - 3 * BLOCK,
  blocks: 3,
  changed: 3 * BLOCK,
};

test("a copy within one program", async (t) => {
  const { from, to } = pair(t);
  const { code, stdout, stderr } = await run(["sync", "--json", from, to]);
  assert.deepEqual([code, stderr], [EXIT.ok, ""]);
  const events = readEvents(stdout);
  assert.deepEqual(
    events.map(({ event }) => event),
    ["hello", "begin", "progress", "end"],
  );
  assert.equal(only(events, "begin").total, SOURCE.length);
  const { seconds, ...summary } = only(events, "end").summary;
  assert.ok(Number(seconds) > 0);
  const none = { sent: null, plain: 0, packed: 0, verified: null, dryRun: false };
  const sizes = { source: SOURCE.length, destination: SOURCE.length };
  assert.deepEqual(summary, { ...COUNTED, ...none, sizes });
});

for (const dryRun of [false, true]) {
  test(`a copy by stages${dryRun ? ", that is only counted" : ""}`, async (t) => {
    const zeros = Buffer.concat([SOURCE.subarray(0, 39 * BLOCK), Buffer.alloc(BLOCK)]);
    const { from, to } = pair(t, { source: zeros, destination: changedIn(zeros, 0, 30, 39) });
    const words = ["sync", "--json", "--compress", "zstd"];
    const options = dryRun ? ["-n"] : ["--verify", "full"];
    const { code, stdout, stderr } = await run([...words, ...options, from, to]);
    assert.deepEqual([code, stderr], [EXIT.ok, ""]);
    const { seconds: _, ...summary } = only(readEvents(stdout), "end").summary;
    const { sent, packed, verified, ...rest } = summary;
    const size = zeros.length;
    const counted = { ...COUNTED, read: size, same: size - 3 * BLOCK, plain: 2 * BLOCK };
    const sizes = { source: size, destination: size };
    assert.deepEqual(rest, { ...counted, dryRun, sizes });
    // Of noise and of text.
    assert.ok(Number(packed) > BLOCK && Number(packed) < 1.7 * BLOCK, String(packed));
    assert.ok(Number(sent) > Number(packed) && Number(sent) < Number(packed) + 2000);
    assert.equal(verified, dryRun ? null : `all ${size} bytes read back and equal to the source`);
  });
}

test("a failure, and a warning", async (t) => {
  const { from, to, folder } = pair(t);
  const outcome = await run(["sync", "--json", from, `${to}.missing`]);
  assertFailed(outcome, EXIT.missing, "sync", /missing/);
  assert.equal(outcome.stderr.split("\n").length, 2);
  const { message, advice, code } = only(readEvents(outcome.stdout), "error");
  assert.equal(outcome.stderr, `ERROR (sync): ${message}; ${advice}\n`);
  assert.equal(code, EXIT.missing);

  const args = ["sync", "--json", "--digest-cache", join(folder, "digests"), from, to];
  const warned = await run(args);
  assert.match(warned.stderr, /^WARNING \(sync\): .*\n$/);
  only(readEvents(warned.stdout), "warning");
});

test("events that cannot be written", async (t) => {
  const { from, to } = pair(t);
  const outcome = await bash(`${blockcopy("sync", "--json", from, to)} > /dev/full`);
  assertFailed(outcome, EXIT.notKept, "sync", /standard output.*ENOSPC.*; all else is done/);
  assert.ok(readFileSync(to).equals(SOURCE));
});

/** The values of a file for Prometheus, by name and labels; asserts that it is written as it should be. */
function metricsIn(path: string): Map<string, number> {
  const lines = readFileSync(path, "utf8").split("\n");
  assert.equal(lines.pop(), "");
  const values = new Map<string, number>();
  for (let at = 0; at < lines.length; at += 3) {
    const [help = "", type = "", value = ""] = lines.slice(at, at + 3);
    const name = /^# HELP (\w+) \S/.exec(help)?.[1] ?? "";
    assert.equal(type, `# TYPE ${name} gauge`);
    const found =
      /^(\w+)(\{source="(?:[^"\\]|\\.)*",destination="(?:[^"\\]|\\.)*"\}) ([\d.]+)$/.exec(value);
    assert.equal(found?.[1], name, value);
    values.set(name.replace("blockcopy_sync_", ""), Number(found?.[3]));
  }
  return values;
}

test("numbers for Prometheus: a success, then a failure that keeps when that was", async (t) => {
  const { from, to, folder } = pair(t);
  const named = join(folder, 'a "name" with \\ and \n');
  writeFileSync(named, readFileSync(to));
  const path = join(folder, "sync.prom");
  const first = await run(["sync", "-q", "--metrics", path, from, named]);
  assert.equal(first.code, EXIT.ok, first.stderr);
  assert.ok(readFileSync(path, "utf8").includes('/a \\"name\\" with \\\\ and \\n"} 1\n'));
  assert.equal(statSync(path).mode & 0o444, 0o444, "others can read it");
  const then = metricsIn(path);
  const { read, changed } = COUNTED;
  const expected = { success: 1, exit_code: 0, read_bytes: read, changed_bytes: changed };
  for (const [name, value] of Object.entries(expected)) assert.equal(then.get(name), value, name);
  const since = then.get("last_success_timestamp_seconds") ?? 0;
  assert.ok(Math.abs(since - Date.now() / 1000) < 60);

  const old = readFileSync(path, "utf8").replaceAll(`${since}\n`, "1000\n");
  writeFileSync(path, old);
  rmSync(named);
  const failed = await run(["sync", "--metrics", path, from, named]);
  assert.equal(failed.code, EXIT.missing);
  const now = metricsIn(path);
  assert.deepEqual([now.get("success"), now.get("exit_code")], [0, EXIT.missing]);
  assert.equal(now.get("last_success_timestamp_seconds"), 1000);
  assert.ok((now.get("last_run_timestamp_seconds") ?? 0) >= since);
  // Of another copy nothing is known.
  await run(["sync", "--metrics", path, from, `${to}.missing`]);
  assert.ok(!metricsIn(path).has("last_success_timestamp_seconds"));
  assert.deepEqual(readdirSync(folder).toSorted(), ["destination", "source", "sync.prom"]);
});

test("numbers that cannot be written: the copy is complete", async (t) => {
  const { from, to } = pair(t, { destination: noise("other", SOURCE.length) });
  const outcome = await run(["sync", "--metrics", "/nowhere/sync.prom", from, to]);
  assertFailed(outcome, EXIT.notKept, "sync", /the metrics .*\/nowhere\/sync\.prom.*ENOENT/);
  assert.match(outcome.stderr, /^Sync done in /);
  assert.ok(readFileSync(to).equals(SOURCE));
  const failed = await run(["sync", "--metrics", "/nowhere/sync.prom", from, `${to}.missing`]);
  assertFailed(failed, EXIT.missing, "sync");
  assert.match(failed.stderr, /^WARNING \(sync\): .*the metrics could not be written/);
});

test("a file of something else in place of the metrics is named once", async (t) => {
  const { from, to, folder } = pair(t);
  const other = join(folder, "other");
  writeFileSync(other, "precious\n");
  const outcome = await run(["sync", "-q", "--metrics", other, from, to]);
  assertFailed(outcome, EXIT.usage, "sync", /other/);
  assert.equal(outcome.stderr.split("\n").length, 2, outcome.stderr);
  assert.equal(readFileSync(other, "utf8"), "precious\n");
});

test("a summary is checked like the rest of an event", () => {
  const end = (summary: unknown): unknown =>
    parseEvent(JSON.stringify({ event: "end", outcome: null, summary }));
  assert.deepEqual(end(null), { event: "end", outcome: null, summary: null });
  assert.equal(end({ read: -1 }), undefined);
});
