// One source and several destinations, which is read once for all of them.
import assert from "node:assert/strict";
import { linkSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { SyncCommand } from "../../src/commands/sync.ts";
import { refuseOptions } from "../../src/commands/sync/many/refuse-options.ts";
import { parseDestinations } from "../../src/commands/sync/many/destinations.ts";
import { assertSame } from "../support/files/bytes.ts";
import { BLOCK, noise, text, writeSparse } from "../support/files/files.ts";
import { bytesRead } from "../support/files/cache.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { lastOf, many, manyEvents, oddHost } from "../support/programs/many.ts";
import { changedIn, SOURCE } from "../support/programs/sync-pair.ts";
import { lackingTrace } from "../support/programs/tools.ts";
import { trace, TRANSFERS } from "../support/programs/trace.ts";

const BLOCKS = [[0], [1, 17, 39], [], [5, 6, 7, 30]];

/** Blocks that can be compressed, blocks that cannot, and zeros, in more than one chunk. */
const MIXED = Buffer.concat([
  noise("mixed", 40 * BLOCK),
  text("mixed", 40 * BLOCK),
  Buffer.alloc(10 * BLOCK),
  noise("end", 777),
]);

test("each of four gets what differs for it", { skip: lackingTrace() }, async (t) => {
  const { folder, from, to } = many(t, BLOCKS);
  const traced = trace(folder, TRANSFERS);
  const outcome = await run(["sync", "--json", from, ...to], { prefix: traced.prefix });
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  for (const path of to) assertSame(readFileSync(path), SOURCE, path);
  const events = manyEvents(outcome.stdout);
  for (const [place, blocks] of BLOCKS.entries()) {
    const end = lastOf(events, place + 1);
    assert.equal(end.event, "end");
    assert.equal(end.destination, to[place]);
    assert.equal("summary" in end && end.summary["blocks"], blocks.length);
  }
  assert.equal(lastOf(events).read, SOURCE.length);
  // In addition its first 64 KiB, which could be those of an image, and the rest of its last sector.
  const most = SOURCE.length + 65_536 + 4096;
  assert.ok(bytesRead(traced.calls(), from) <= most, "the source is read once");
});

for (const compress of ["none", "zstd", "auto"])
  test(`between hosts with --compress ${compress}`, async (t) => {
    const { folder, from, to } = many(t, [[], [], []], MIXED);
    const changes = [
      changedIn(MIXED, 0, 45, 85),
      noise("other", MIXED.length),
      changedIn(MIXED, 45, 46, 60),
    ];
    changes.forEach((content, place) => writeFileSync(to[place] ?? "", content));
    const [first = "", second = "", third = ""] = to;
    const options = [
      "--json",
      "--verify",
      "full",
      "--compress",
      compress,
      ...oddHost(folder, '"$@"'),
    ];
    const outcome = await run(["sync", ...options, from, first, `a:${second}`, `b:${third}`]);
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    for (const path of to) assertSame(readFileSync(path), MIXED, path);
    const events = manyEvents(outcome.stdout);
    assert.equal(lastOf(events).read, MIXED.length);
    const packed = lastOf(events, 2);
    const summary = "summary" in packed ? packed.summary : {};
    assert.equal(Number(summary["packed"]) < Number(summary["plain"]), compress !== "none");
  });

test("another digest, block size and length need reads of their own", async (t) => {
  const { folder, from, to } = many(t, [[0], [1], [2], [3]], MIXED);
  const [first = "", second = "", third = "", fourth = ""] = to;
  // As another version, whose stage chooses another digest, and a destination that ends inside a block.
  const options = oddHost(
    folder,
    `exec sh -c "$(printf %s "$3" | sed 's/ receive / receive --digest=sha3-512 /')"`,
  );
  writeFileSync(third, MIXED.subarray(0, 33 * BLOCK + 5));
  rmSync(fourth);
  const named = [`odd:${second}`, first, third, fourth];
  const outcome = await run(["sync", "--create", ...options, from, ...named]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  for (const path of to) assertSame(readFileSync(path), MIXED, path);
  assert.match(outcome.stderr, /^4 of 4 destinations complete, 22\.\d+ MiB of the source read$/m);
});

test("holes, times and small blocks", async (t) => {
  const { folder, from, to } = many(t, [[0], [50]], MIXED);
  const source = join(folder, "sparse");
  writeSparse(source, MIXED);
  const options = ["--block-size", "4K", "--digest", "sha3-512", "--sparse", "-t"];
  const outcome = await run(["sync", ...options, source, ...to]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  for (const path of to) {
    assertSame(readFileSync(path), MIXED, path);
    assert.equal(statSync(path).mtimeMs, statSync(source).mtimeMs);
  }
  assertSame(readFileSync(from), MIXED);
});

test("a dry run says what each would get, and writes nothing", async (t) => {
  const { from, to } = many(t, BLOCKS);
  const outcome = await run(["sync", "-n", from, ...to]);
  assert.deepEqual([outcome.code, outcome.stderr], [EXIT.ok, ""]);
  for (const [place, blocks] of BLOCKS.entries()) {
    const path = to[place] ?? "";
    const found = blocks.length === 0 ? "nothing differs" : `${blocks.length} block`;
    assert.ok(outcome.stdout.toString().includes(`${path}: ${found}`), outcome.stdout.toString());
    assertSame(readFileSync(path), changedIn(SOURCE, ...blocks), path);
  }
});

test("only errors with --quiet", async (t) => {
  const { from, to } = many(t, BLOCKS);
  const { code, stderr, stdout } = await run(["sync", "-q", from, ...to]);
  assert.deepEqual([code, stderr, stdout.length], [EXIT.ok, "", 0]);
});

test("details name their destination", async (t) => {
  const { from, to } = many(t, BLOCKS);
  const { code, stderr } = await run(["sync", "-v", from, ...to]);
  assert.equal(code, EXIT.ok, stderr);
  for (const path of to)
    for (const what of [/^\d+ bytes of changed blocks sent$/m, /^this host: .* receive .*$/m])
      assert.match(stderr.replaceAll(`blockcopy sync: ${path}: `, ""), what);
  assert.doesNotMatch(stderr, /^blockcopy sync: (?:\d+ bytes of|this host: )/m);
});

test("a destination that is named twice", async (t) => {
  const { folder, from, to } = many(t, [[0], [1]]);
  const [first = "", second = ""] = to;
  const link = join(folder, "link");
  const hard = join(folder, "hard");
  symlinkSync(first, link);
  linkSync(first, hard);
  for (const again of [link, hard]) {
    const outcome = await run(["sync", from, first, second, again]);
    assertFailed(outcome, EXIT.usage, "sync", /copy-1 are the same; name each destination once$/);
    assertSame(readFileSync(second), changedIn(SOURCE, 1), "nothing is written");
  }
  // Under the name of another host it shows when both are open: the later one is refused before anything is sent to it.
  const late = oddHost(folder, 'sleep 1; "$@"');
  const outcome = await run(["sync", ...late, from, second, `odd:${second}`]);
  assertFailed(
    outcome,
    outcome.code ?? 0,
    "sync",
    /^ERROR \(sync\): 1 of 2 destinations failed: odd:/,
  );
  assertSame(readFileSync(second), SOURCE);
});

test("the source is no destination", async (t) => {
  const { from, to } = many(t, [[0], [1]]);
  const [first = "", second = ""] = to;
  const outcome = await run(["sync", from, first, from, second]);
  assertFailed(
    outcome,
    EXIT.usage,
    "sync",
    /^ERROR \(sync\): 1 of 3 destinations failed: \S+source \(64\);/,
  );
  assert.match(outcome.stderr, /source and \S+source are the same/);
  for (const path of [first, second, from]) assertSame(readFileSync(path), SOURCE, path);
});

test("what begins like an image is named, unless raw is given", async (t) => {
  const image = Buffer.concat([Buffer.from("QFI\xfb\0\0\0\x03", "latin1"), SOURCE.subarray(8)]);
  const { from, to } = many(t, [[0], [1]]);
  writeFileSync(from, image);
  const warned = await run(["sync", from, ...to]);
  assert.equal(warned.code, EXIT.ok, warned.stderr);
  assert.match(warned.stderr, /source begins like a qcow2 image/);
  const raw = ["--source-format", "raw", "--destination-format", "raw"];
  const silent = await run(["sync", "-q", ...raw, from, ...to]);
  assert.deepEqual([silent.code, silent.stderr], [EXIT.ok, ""]);
  for (const path of to) assertSame(readFileSync(path), image, path);
  const refused = await run(["sync", "--destination-format", "qcow2", from, ...to]);
  assertFailed(refused, EXIT.usage, "sync", /one at a time, so it can only be raw; leave it out/);
});

const REFUSED = [
  { words: ["--streams", "2"], message: /--streams does not work with several destinations: / },
  { words: ["--ranges", "/dev/null"], message: /--ranges does not work with several/ },
  { words: ["--delta", "delta"], message: /--delta does not work with several/ },
  { words: ["--digest-cache", "d"], message: /--digest-cache does not work with several/ },
  { words: ["--transport", "tls"], message: /--transport is for copies between hosts/ },
  { words: ["--ports", "41000"], message: /--ports is for copies between hosts/ },
  { words: ["--wire", "0.0.2"], message: /--wire does not work with several/ },
  { words: ["--block-size", "8M"], message: /a block has at most 4\.00 MiB; / },
  { words: ["--sudo"], message: /--sudo is for copies between hosts/ },
];

test("options that do not work with several destinations", async (t) => {
  const { from, to } = many(t, [[0], [1]]);
  await Promise.all(
    REFUSED.map(async ({ words, message }) =>
      assertFailed(await run(["sync", ...words, from, ...to]), EXIT.usage, "sync", message),
    ),
  );
  assertSame(readFileSync(to[0] ?? ""), changedIn(SOURCE, 0));
  for (const [field, value, option] of [
    ["start", 2 ** 20, "--start"],
    ["drawMap", true, "--map"],
    ["mapFile", "m.svg", "--map-file"],
    ["metrics", "m.prom", "--metrics"],
    ["sourceFormat", "qcow2", "--source-format"],
  ] as const) {
    assert.throws(
      () => refuseOptions({ source: from, [field]: value }, new SyncCommand()),
      new RegExp(`${option} does not work with several destinations: `),
    );
  }
});

test("operands that do not work with several destinations", async (t) => {
  const { from, to } = many(t, [[0], [1]]);
  const [first = "", second = ""] = to;
  for (const [operands, message] of [
    [
      [`host:${from}`, first, second],
      /host:\S+ is on another host, .*run `blockcopy sync` on host/,
    ],
    [["nbd://host/x", first, "nbd://host/x"], /nbd:\/\/host\/x and nbd:\/\/host\/x are the same/],
    [["--create", from, first, "nbd://host/x"], /--create does not work with nbd:\/\/host\/x: /],
    [[from, first, ""], /the name is empty; give that of a file or device/],
    [
      [from, ...Array.from({ length: 17 }, (_, place) => `${first}${place}`)],
      /17 destinations are more than 16/,
    ],
  ] as const)
    assertFailed(await run(["sync", ...operands]), EXIT.usage, "sync", message);
  for (const [name, message] of [
    [dirname(first), /\S+ is a folder, and each name after the first one is a dest/],
    ["host:folder/", /host:folder\/ is a folder, and each name after the first/],
    ["-", /`-`/],
  ] as const)
    assert.throws(() => parseDestinations([first, name]), message);
});
