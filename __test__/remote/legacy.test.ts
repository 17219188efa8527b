// Copies with hosts that have only blockcopy 0.0.2: by this program in its place, and by that itself where it is to be had.
import assert from "node:assert/strict";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, EXIT, quote, run, withoutSummary } from "../support/programs/cli.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import { readEvents } from "../support/programs/events.ts";
import { OURS, LEGACY_PROGRAMS, scriptIn, syncWire } from "../support/programs/legacy.ts";
import { assertSynced, bytesSent, changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { DONE, hashStream, restFrame, unequalHash } from "../support/wire/frames.ts";

const KNOWN_SIZES = ["--allow-larger"];

for (const [name, there, skip] of LEGACY_PROGRAMS) {
  for (const [what, from, to, options] of [
    ["from", "x:", "", ["--lzma"]],
    ["to", "", "x:", ["--lzma"]],
    ["between hosts with", "x:", "y:", KNOWN_SIZES],
  ] as const)
    test(`a copy ${what} ${name}`, { skip }, async (t) => {
      const files = pair(t);
      // Names that an option, and a shell, could be mistaken about.
      renameSync(files.from, join(files.folder, "-s '$(x)"));
      renameSync(files.to, join(files.folder, "-"));
      const compress = options[0] === "--lzma" ? ["--compress", "lzma"] : options;
      const ends = [`${from || "./"}-s '$(x)`, `${to || "./"}-`];
      const outcome = await syncWire(files.folder, there, [...compress, "--", ...ends]);
      assertSame(readFileSync(join(files.folder, "-")), SOURCE);
      assert.equal(outcome.code, EXIT.ok, outcome.stderr);
      if (options === KNOWN_SIZES) assert.equal(withoutSummary(outcome.stderr), "");
      // One of the three can be compressed.
      else assert.ok(bytesSent(outcome) < 2.5 * BLOCK, outcome.stderr);
    });

  test(`a new file, and proof of what was written, from ${name}`, { skip }, async (t) => {
    const { folder, to } = pair(t);
    rmSync(to);
    const args = ["--create", "--sparse", "--verify", "written", "x:source", "destination"];
    assertSynced(await syncWire(folder, there, args), to);
  });

  test(`the change map of a copy to ${name}`, { skip }, async (t) => {
    const { folder, to } = pair(t);
    const outcome = await syncWire(folder, there, ["--json", "--map", "source", "x:destination"]);
    assertSame(readFileSync(to), SOURCE);
    const maps = readEvents(outcome.stdout).filter((event) => event.event === "map");
    const changed = maps.map((map) => map.changed.reduce((sum, bytes) => sum + bytes, 0));
    assert.deepEqual(changed, [3 * BLOCK]);
  });

  test(`a part, to and from ${name}`, { skip }, async (t) => {
    const { folder, to } = pair(t);
    const part = (start: number, end: number): string[] =>
      ["--start", start, "--end", end].map(String);
    const push = await syncWire(folder, there, [
      ...part(BLOCK, 20 * BLOCK),
      "source",
      "x:destination",
    ]);
    assertSynced(push, to, changedIn(SOURCE, 0, 30));
    const pull = await syncWire(folder, there, [...part(0, BLOCK), "x:source", "destination"]);
    assertSynced(pull, to, changedIn(SOURCE, 30));
  });

  test(`files that are not there, with ${name}`, { skip }, async (t) => {
    const { folder } = pair(t);
    for (const ends of [
      ["x:missing", "destination"],
      ["source", "x:missing"],
    ]) {
      const outcome = await syncWire(folder, there, ends);
      assertFailed(
        outcome,
        EXIT.missing,
        "sync",
        /: on x: missing: ERROR \((?:checksum|retrieve|save)\): /,
      );
      assert.doesNotMatch(outcome.stderr, /WARNING|Traceback/);
    }
  });
}

test("only frames of 0.0.2 are sent, and the result is synced", async (t) => {
  const { folder, to } = pair(t);
  const log = join(folder, "log");
  const there = scriptIn(folder, "there", `printf '%s\\n' "$*" >> log; tee "in-$1" | ${OURS} "$@"`);
  scriptIn(folder, "sync", `cmp source destination && printf '%s\\n' "sync $*" >> log`);
  const before = readFileSync(to);
  const env = { PATH: `${folder}:${process.env["PATH"]}` };
  assertSynced(await syncWire(folder, there, ["source", "x:destination"], { env }), to);
  const lines = readFileSync(log, "utf8").trim().split("\n");
  assert.deepEqual(lines.slice(0, 2).toSorted(), ["checksum destination", "save destination"]);
  assert.deepEqual(lines.slice(2), ["sync destination"]);
  const blocks = readFileSync(join(folder, "in-save"));
  assert.equal(blocks.toString("latin1", 0, 4), "data");
  assert.equal(blocks.length, 3 * (16 + BLOCK) + DONE.length);
  assertSame(blocks.subarray(-4), DONE);

  writeFileSync(to, before);
  assertSynced(await syncWire(folder, there, ["x:source", "destination"], { env }), to);
  assertSame(readFileSync(join(folder, "in-retrieve")), hashStream(before));

  // Of an empty one, 0.0.2 needs to be asked about blocks, and about as many as it compares at once.
  writeFileSync(to, "");
  const all = ["--create", "x:source", "destination"];
  assertSynced(await syncWire(folder, there, all, { env }), to);
  const asked = Array.from({ length: 16 }, (_, i) => unequalHash(i * BLOCK, BLOCK).fill(0, 16));
  assertSame(
    readFileSync(join(folder, "in-retrieve")),
    Buffer.concat([...asked, restFrame(16 * BLOCK), DONE]),
  );
});

test("a sync there that fails is a failure", async (t) => {
  const { folder } = pair(t);
  scriptIn(folder, "sync", `echo "sync: error syncing '$1': Input/output error" >&2; exit 1`);
  const env = { PATH: `${folder}:${process.env["PATH"]}` };
  const outcome = await syncWire(folder, OURS, ["source", "x:destination"], { env });
  assertFailed(outcome, EXIT.io, "sync", /on x: .* could not be synced; do not trust it/);
  assert.match(outcome.stderr, /^WARNING \(sync\): x: sync: error syncing/m);
});

test("a dry run writes nothing, and the environment means the same as the option", async (t) => {
  const { folder, to } = pair(t);
  const before = readFileSync(to);
  const counted = await syncWire(folder, OURS, ["-n", "source", "x:destination"]);
  assert.match(
    counted.stdout.toString(),
    /^3 blocks \(384\.00 KiB\) differ, 384\.05 KiB would be sent\n/,
  );
  assertSame(readFileSync(to), before);
  const there = scriptIn(folder, "there", `echo "$1" >> log; exec ${OURS} "$@"`);
  const args = ["sync", "-e", "./rsh", "--remote-command", there, "source", "x:destination"];
  assertSynced(await run(args, { cwd: folder, env: { BLOCKCOPY_WIRE: "0.0.2" } }), to);
  const stages = readFileSync(join(folder, "log"), "utf8").trim().split("\n");
  assert.deepEqual(stages.toSorted(), ["checksum", "save"]);
});

test("sizes that differ are refused from here, and warned of between two others", async (t) => {
  const longer = Buffer.concat([SOURCE, noise("after", BLOCK)]);
  const { folder, to } = pair(t, { destination: longer });
  for (const ends of [
    ["x:source", "destination"],
    ["source", "x:destination"],
  ]) {
    const sizes = new RegExp(
      `source has ${SOURCE.length} bytes and the destination ${longer.length};`,
    );
    const outcome = await syncWire(folder, OURS, ends);
    assertFailed(outcome, EXIT.usage, "sync", /on x: /, sizes, /--allow-larger/);
  }
  assertSame(readFileSync(to), longer);
  writeFileSync(to, Buffer.concat([changedIn(SOURCE, 2), longer.subarray(SOURCE.length)]));
  assertSynced(
    await syncWire(folder, OURS, [...KNOWN_SIZES, "source", "x:destination"]),
    to,
    longer,
  );
  const metrics = join(folder, "metrics");
  const between = ["--metrics", metrics, "x:source", "y:destination"];
  const { code, stderr } = await syncWire(folder, OURS, between);
  const text = readFileSync(metrics, "utf8");
  assert.ok(text.includes("blockcopy_sync_success{") && !text.includes("_bytes"), text);
  assert.equal(code, EXIT.ok);
  assert.match(
    stderr,
    /^WARNING \(sync\): .*the sizes of source and destination are not compared.*\n/,
  );
});

test("the far end is called with sudo in all that needs it", async (t) => {
  const { folder, to } = pair(t);
  scriptIn(folder, "sudo", `echo "$*" >> log; shift; exec "$@"`);
  const there = scriptIn(folder, "there", `exec ${OURS} "$@"`);
  const env = { PATH: `${folder}:${process.env["PATH"]}` };
  assertSynced(await syncWire(folder, there, ["--sudo", "source", "x:destination"], { env }), to);
  const called = readFileSync(join(folder, "log"), "utf8").replaceAll(quote([there]), "there");
  assert.deepEqual(called.replaceAll(there, "there").trim().split("\n").toSorted(), [
    "-n stat -Lc %s destination",
    "-n sync destination",
    "-n there checksum destination",
    "-n there save destination",
  ]);
});
