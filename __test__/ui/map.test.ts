// The change map: its numbers, and what is drawn of them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ChangeMap } from "../../src/ui/change-map.ts";
import { isAsciiOnly } from "../../src/errors/charset.ts";
import { drawMap } from "../../src/ui/people/draw-map.ts";
import { mapSvg } from "../../src/ui/people/map-svg.ts";
import { assertFailed, assertSucceeded, EXIT, run } from "../support/programs/cli.ts";
import { readEvents } from "../support/programs/events.ts";
import { assertSame } from "../support/files/bytes.ts";
import { BLOCK } from "../support/files/files.ts";
import { changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { installed } from "../support/programs/tools.ts";

test("nothing is lost between buckets, whatever their size", () => {
  for (const length of [0, 1, 5, 4095, 4096, 4097, 1_000_003, 2 ** 40 + 1]) {
    const map = new ChangeMap(length);
    assert.ok(map.changed.length <= 4096);
    assert.ok(map.bucket * map.changed.length >= length);
    map.add(0, length);
    assert.equal(map.total, length);
    for (const share of map.shares(100)) assert.ok(length === 0 || share > 0.999);
  }
  const some = new ChangeMap(10_000_000);
  some.add(1_234_567, 2_000_000, 777);
  assert.equal(some.total, 777);
  const both = new ChangeMap(10_000_000, some.changed);
  both.merge(some);
  assert.equal(both.total, 2 * 777);
  some.add(9_999_999, 131_072);
  assert.equal(some.total, 778, "what lies after the end is left out");
});

/** A change map of 256 MiB: the first MiB differs, a quarter of the next four, half of a row, and the last 16. */
function sample(): ChangeMap {
  const MIB = 2 ** 20;
  const map = new ChangeMap(256 * MIB);
  map.add(0, MIB);
  map.add(MIB, 4 * MIB, MIB);
  map.add(32 * MIB, 32 * MIB, 16 * MIB);
  map.add(240 * MIB, 16 * MIB);
  return map;
}

test("the drawing of a change map", () => {
  assert.deepEqual(drawMap(sample(), { columns: 45, unicode: true }), [
    "   0 bytes  █░░░░···························",
    "  32.0 MiB  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒",
    "  64.0 MiB  ································",
    "  96.0 MiB  ································",
    "   128 MiB  ································",
    "   160 MiB  ································",
    "   192 MiB  ································",
    "   224 MiB  ················████████████████",
    "            · same   changed: ░ up to 25 %  ▒ 50 %  ▓ 75 %  █ more",
    "            34.00 MiB of 256.00 MiB; a cell is 1.00 MiB",
  ]);
  const [first, second] = drawMap(sample(), { columns: 45, unicode: false });
  assert.equal(first, "   0 bytes  #----...........................");
  assert.equal(second, `  32.0 MiB  ${"+".repeat(32)}`);
  // A single byte of a large disk is not lost from view.
  const large = new ChangeMap(2 ** 44);
  large.add(2 ** 43, 1);
  assert.equal(
    drawMap(large, { columns: 45, unicode: false })[4],
    `  8.00 TiB  -${".".repeat(31)}`,
  );
});

test("terminals that can show more than ASCII", () => {
  assert.ok(!isAsciiOnly({ LANG: "en_US.UTF-8" }));
  assert.ok(!isAsciiOnly({ LC_ALL: "", LC_CTYPE: "C.utf8", LANG: "C" }));
  assert.ok(isAsciiOnly({ LC_ALL: "C", LANG: "en_US.UTF-8" }));
  assert.ok(isAsciiOnly({ LANG: "en_US.UTF-8", TERM: "dumb" }));
  assert.ok(isAsciiOnly({}));
});

test(
  "an image is XML, whatever the names are",
  { skip: !installed("xmllint") && "needs xmllint: install it" },
  () => {
    const svg = mapSvg(sample(), "a <b> & \u0007 \ud800 \n ü → c");
    const { status, stderr } = spawnSync("xmllint", ["--noout", "-"], { input: svg });
    assert.equal(status, 0, stderr.toString());
  },
);

test("an image has a rectangle for what differs", () => {
  const svg = mapSvg(sample(), "a → b");
  assert.match(svg, /<text [^>]*>a → b<\/text>/);
  assert.match(svg, /34\.00 MiB of 256\.00 MiB changed; a cell is 64\.0 KiB/);
  // 16 cells are a MiB.
  const whole = /<rect x="(\d+)" y="(\d+)" width="(\d+)" height="6" fill="#b2182b"/g;
  const [first, ...last] = Array.from(svg.matchAll(whole), (found) => found.slice(1).map(Number));
  assert.deepEqual(first, [90, 56, 16 * 6]);
  assert.deepEqual(
    last,
    [0, 6].map((down) => [90, 56 + 30 * 6 + down, 128 * 6]),
  );
});

/** SOURCE is 40 blocks and a bit; of these differ 0, 17 and 30. */
const destination = changedIn(SOURCE, 0, 17, 30);

for (const [what, options] of [
  ["within one program", []],
  ["that is only counted", ["-n"]],
] as const) {
  test(`the change map of a copy ${what}`, async (t) => {
    const { from, to } = pair(t, { destination });
    const env = { LC_ALL: "C.UTF-8" };
    const { code, stdout, stderr } = await run(["sync", ...options, "--map", from, to], { env });
    assert.equal(code, EXIT.ok, stderr);
    const dry = what === "that is only counted";
    const lines = (dry ? stdout.toString() : stderr).trimEnd().split("\n");
    assert.equal(dry ? stderr : stdout.toString(), "");
    assert.match(lines.at(-1) ?? "", /^ {12}384\.00 KiB of 5\.01 MiB; a cell is 9\.57 KiB$/);
    const rows = lines.slice(-10, -2).map((line) => /[░▒▓█]/.test(line));
    // Within one program it is known of 16 blocks at a time.
    if (options.length > 0)
      assert.deepEqual(rows, [true, false, false, true, false, true, true, false]);
    else assert.equal(rows[0], true);
  });
}

test("a change map as an event, or in a file", async (t) => {
  const { folder, from, to } = pair(t, { destination });
  const outcome = await run(["sync", "-n", "--json", "--map", from, to]);
  const map = readEvents(outcome.stdout).find((event) => event.event === "map");
  assert.ok(map?.event === "map");
  const { length, bucket, changed } = map;
  assert.equal(length, SOURCE.length);
  assert.equal(
    changed.reduce((sum, bytes) => sum + bytes, 0),
    3 * BLOCK,
  );
  assert.equal(
    changed.findIndex((bytes, at) => bytes > 0 && at * bucket > BLOCK),
    Math.floor((17 * BLOCK) / bucket),
  );

  for (const [name, words] of [
    ["one.svg", (path: string) => ["--map-file", path]],
    ["two.SVG", (path: string) => [`--map-file=${path}`]],
  ] as const) {
    const path = join(folder, name);
    assertSucceeded(await run(["sync", ...words(path), from, to]));
    assert.match(readFileSync(path, "utf8"), /^<\?xml [^]*<\/svg>\n$/);
  }
  const refused = await run(["sync", "--map-file=map.png", from, to]);
  assertFailed(refused, EXIT.usage, "sync", /--map-file.*\.svg/);
  const nowhere = await run(["sync", "--map-file", "/nowhere/map.svg", from, to]);
  assertFailed(nowhere, EXIT.notKept, "sync", /the change map .*\/nowhere\/map\.svg.*ENOENT/);
  assert.ok(readFileSync(to).equals(SOURCE), "the copy is complete");
  assert.ok(!existsSync("/nowhere"));
});

test("neither the change map nor the metrics take the place of anything else", async (t) => {
  const { from, to, folder } = pair(t);
  const before = readFileSync(to);
  for (const [option, file, why] of [
    ["--metrics", from, "exists and was not written by blockcopy"],
    ["--metrics", folder, "is not a regular file"],
    ["--metrics", "/dev/null", "is not a regular file"],
    ["--map-file", join(folder, "image.svg"), "exists and was not written by blockcopy"],
  ] as const) {
    if (option === "--map-file") writeFileSync(file, "the only copy");
    const outcome = await run(["sync", `${option}=${file}`, from, to]);
    assert.equal(outcome.code, EXIT.usage, outcome.stderr);
    assert.match(outcome.stderr, new RegExp(`ERROR \\(sync\\): ${file} ${why}; give another name`));
    if (option === "--map-file") assert.equal(readFileSync(file, "utf8"), "the only copy");
  }
  assertSame(readFileSync(from), SOURCE);
  assertSame(readFileSync(to), before);
  const metrics = join(folder, "metrics");
  writeFileSync(metrics, "");
  for (let night = 0; night < 2; night += 1)
    assert.equal(
      (await run(["sync", "-q", "--metrics", metrics, `--map-file=${metrics}.svg`, from, to])).code,
      EXIT.ok,
    );
  // Whoever can write to their folder can also make them long.
  truncateSync(metrics, 2 ** 28);
  const peak = join(folder, "peak");
  const prefix = ["time", "--quiet", "--format=%M", `--output=${peak}`];
  const long = await run(["sync", "-q", "--metrics", metrics, from, to], { prefix });
  assert.equal(long.code, EXIT.ok, long.stderr);
  assert.ok(Number(readFileSync(peak, "utf8")) < 300 * 1024, "of a long file, all was read");
});
