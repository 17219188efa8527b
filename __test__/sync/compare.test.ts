// A comparison finds every block that differs, here and between hosts, and writes to neither end.
import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { Differences } from "../../src/ui/differences.ts";
import { assertSame } from "../support/files/bytes.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { lackingLoop } from "../support/files/loop.ts";
import { mountedLoop } from "../support/files/mount.ts";
import { environmentHere, lackingHosts, prefixHere } from "../support/hosts/hosts.ts";
import { assertFailed, assertSucceeded, EXIT, type Outcome, run } from "../support/programs/cli.ts";
import { BEGIN, END, ends, HELLO, OLD } from "../support/programs/stand-in.ts";
import { changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { trace } from "../support/programs/trace.ts";
import { lackingTrace } from "../support/programs/tools.ts";

const EQUAL = 0;
const DIFFERENT = 1;

function compare(...args: string[]): Promise<Outcome> {
  return run(["compare", ...args]);
}

/** Asserts the result of a comparison: its exit code, and its lines without the one that has the rate. */
function assertCompared({ code, stdout, stderr }: Outcome, expected: number, lines: string): void {
  assert.equal(stderr, "");
  assert.equal(stdout.toString().replace(/^ {2}.* compared(?: at .*)?\n/m, ""), lines);
  assert.equal(code, expected);
}

// Not each comparison for each pair of ends: a range and a result pass the same way wherever an end is.
for (const [what, here, there, ...also] of [
  ["here", "", "", "range", "equal"],
  ["with another host", "", "one:", "range"],
  ["from another host", "one:", ""],
  ["two other hosts", "one:", "two:", "equal"],
] as const)
  test(`two files, ${what}`, { skip: here + there !== "" && lackingHosts }, async (t) => {
    const { from, to } = pair(t, { destination: changedIn(SOURCE, 17, 18, 30) });
    const [a, b] = [here + from, there + to];
    const start = (...args: string[]): Promise<Outcome> =>
      here + there === ""
        ? compare(...args)
        : run(["compare", ...args], { prefix: prefixHere(), env: environmentHere() });
    const before = statSync(to, { bigint: true });
    const offset = 17 * BLOCK;
    const differ = `${a} and ${b} differ: 3 blocks (384.00 KiB), the first at offset ${offset}\n`;
    assertCompared(await start(a, b), DIFFERENT, differ);
    if (also.some((each) => each === "range"))
      assertCompared(
        await start("--end", `${offset}`, a, b),
        EQUAL,
        `${a} and ${b} are equal in the range that was compared\n`,
      );
    const after = statSync(to, { bigint: true });
    assert.deepEqual([after.mtimeNs, after.ctimeNs], [before.mtimeNs, before.ctimeNs]);
    if (also.some((each) => each === "equal")) {
      writeFileSync(to, SOURCE);
      assertCompared(await start(a, b), EQUAL, `${a} and ${b} are equal\n`);
    }
  });

test("files of other lengths are different", async (t) => {
  const { folder, from } = pair(t, { source: noise("a", 3 * BLOCK) });
  const content = readFileSync(from);
  const to = join(folder, "b");
  const size = content.length;
  for (const [bytes, words] of [
    [content.subarray(0, 2 * BLOCK), `: 1 block (128.00 KiB), the first at offset ${2 * BLOCK}`],
    [Buffer.concat([content, noise("more", 5000)]), " only in length"],
  ] as const) {
    writeFileSync(to, bytes);
    const lengths = `  ${from} has ${size} bytes, ${to} has ${bytes.length}\n`;
    assertCompared(
      await compare(from, to),
      DIFFERENT,
      `${from} and ${to} differ${words}\n${lengths}`,
    );
  }
  for (const path of [from, to]) writeFileSync(path, "");
  assertCompared(await compare(from, to), EQUAL, `${from} and ${to} are equal\n`);
});

/** The ranges of the blocks in which two files differ, byte by byte. */
function differing(a: Buffer, b: Buffer, block: number): string[] {
  const ranges: [number, number][] = [];
  for (let at = 0; at < a.length; at += block) {
    const one = a.subarray(at, at + block);
    if (one.equals(b.subarray(at, at + block))) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[0] + last[1] === at) last[1] += one.length;
    else ranges.push([at, one.length]);
  }
  return ranges.map(([offset, length]) => `${offset} ${length}`);
}

test("a range that only the second file has all of is different", async (t) => {
  const { folder, from } = pair(t, { source: noise("a", 2 * BLOCK) });
  const [to, map] = [join(folder, "b"), join(folder, "map")];
  writeFileSync(to, Buffer.concat([readFileSync(from), noise("more", BLOCK)]));
  writeFileSync(map, `${BLOCK} ${2 * BLOCK}\n`);
  const differ = `${from} and ${to} differ in the range that was compared: ${from} ends before that does\n`;
  for (const range of ["--start=0", `--start=${2 * BLOCK}`, `--ranges=${map}`])
    assertCompared(await compare(range, from, to), DIFFERENT, differ);
});

test("of what a shorter second file lacks, only the blocks in the ranges count", async (t) => {
  const { folder, from } = pair(t, { source: noise("a", 300_000) });
  const [to, map, out] = ["b", "map", "out"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(to, readFileSync(from).subarray(0, 140_000));
  const cases: [ranges: string, differ: string][] = [
    ["262144 4096\n", "262144 4096\n"],
    [
      "0 4096\n131072 12288\n200000 10\n290000 99999999999\n",
      "140000 3360\n196608 4096\n286720 13280\n",
    ],
    ["400000 4096\n", ""],
  ];
  for (const [ranges, differ] of cases) {
    writeFileSync(map, ranges);
    const outcome = await compare(
      "--block-size=4K",
      "--ranges",
      map,
      "--ranges-out",
      out,
      from,
      to,
    );
    assert.equal(outcome.code, differ === "" ? EQUAL : DIFFERENT, outcome.stderr);
    assert.equal(readFileSync(out, "utf8").replace(/^#.*\n/, ""), differ);
  }
  writeFileSync(to, readFileSync(from).subarray(0, 1));
  writeFileSync(map, "8192 4096\n");
  const first = await compare("--block-size=4K", "--ranges", map, from, to);
  assert.match(
    first.stdout.toString(),
    /differ .*: 1 block \(4.00 KiB\), the first at offset 8192/,
  );
});

test("all ranges that differ, and nothing else, are in the range map", async (t) => {
  const folder = scratch(t);
  const [a, b, map] = [join(folder, "a"), join(folder, "b"), join(folder, "map")];
  const places = fc.array(fc.nat({ max: 999_999 }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(places, fc.constantFrom(4096, 65_536), async (changed, block) => {
      const content = noise("content", 1_000_000);
      writeFileSync(a, content);
      const other = Buffer.from(content);
      for (const at of changed) other[at] = (other[at] ?? 0) ^ 0x80;
      writeFileSync(b, other);
      const outcome = await compare("--block-size", `${block}`, "--ranges-out", map, a, b);
      const expected = differing(content, other, block);
      assert.equal(outcome.code, expected.length === 0 ? EQUAL : DIFFERENT, outcome.stderr);
      const lines = readFileSync(map, "utf8").trim().split("\n");
      assert.deepEqual(lines.slice(1), expected);
      assertSucceeded(await run(["sync", "--ranges", map, a, b]));
      assertSame(readFileSync(b), content);
    }),
    { numRuns: 3, interruptAfterTimeLimit: 20_000 },
  );
});

test("more ranges than an event has", async (t) => {
  const { folder, from, to } = pair(t, { source: noise("a", 2500 * 8192) });
  const other = readFileSync(from);
  for (let at = 0; at < other.length; at += 8192) other[at] = (other[at] ?? 0) ^ 1;
  writeFileSync(to, other);
  const map = join(folder, "map");
  const outcome = await compare("-q", "--block-size", "4K", "--ranges-out", map, from, to);
  assert.deepEqual([outcome.code, outcome.stderr], [DIFFERENT, ""]);
  assert.match(outcome.stdout.toString(), /differ: 2500 blocks/);
  assert.equal(readFileSync(map, "utf8").trim().split("\n").length, 1 + 2500);
});

test("with -q, there is nothing to read if they are equal", async (t) => {
  const { from, to } = pair(t, { destination: SOURCE });
  const equal = await compare("-q", from, to);
  assert.deepEqual([equal.code, equal.stdout.length, equal.stderr], [EQUAL, 0, ""]);
});

test("events have the result in numbers, and a range map is not taken for that of a later run that failed", async (t) => {
  const { folder, from, to } = pair(t);
  const map = join(folder, "map");
  const { code, stdout, stderr } = await compare("--json", "--ranges-out", map, from, to);
  assert.deepEqual([code, stderr], [DIFFERENT, ""]);
  const events = stdout
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const { event, summary } = events.at(-1);
  assert.equal(event, "end");
  assert.deepEqual([summary.blocks, summary.changed, summary.first], [3, 3 * BLOCK, 0]);

  const missing = join(folder, "missing");
  const failed = await compare("--ranges-out", map, from, missing);
  assertFailed(failed, EXIT.missing, "compare", /missing: .*; check the name$/m);
  const repaired = await run(["sync", "--ranges", map, from, to]);
  assertFailed(repaired, EXIT.usage, "sync", /the comparison is not complete/);
});

test("a device in use, and one that is read-only", { skip: lackingLoop }, async (t) => {
  const folder = scratch(t);
  const { backing, loop } = mountedLoop(t, folder);
  chmodSync(backing, 0o400);
  for (const [a, b] of [
    [backing, loop.path],
    [loop.path, backing],
  ] as const) {
    const { code, stdout } = await compare(a, b);
    assert.equal(code, EQUAL, stdout.toString());
  }
});

test("nothing is opened for writing", { skip: lackingTrace() }, async (t) => {
  const { from, to } = pair(t);
  const traced = trace(scratch(t), "trace=openat");
  assert.equal((await run(["compare", from, to], { prefix: [...traced.prefix] })).code, DIFFERENT);
  const calls = traced.calls();
  const opened = calls.filter((call) => call.includes(from) || call.includes(to));
  assert.ok(opened.length >= 2, calls.join("\n"));
  for (const call of opened) assert.doesNotMatch(call, /O_WRONLY|O_RDWR/);
});

test("what cannot be compared is refused, with another exit code than that of a difference", async (t) => {
  const { folder, from, to } = pair(t);
  const [missing, map] = [join(folder, "missing"), join(folder, "map")];
  for (const [args, code, words] of [
    [[from, from], EXIT.usage, /are the same/],
    [[missing, to], EXIT.missing, /missing: .*; check the name$/m],
    [["--start", "1G", from, to], EXIT.usage, /lies beyond the end/],
    [["--ranges-out", to, from, to], EXIT.usage, /was not written by blockcopy/],
    [
      ["--ranges-out", join(missing, "map"), from, to],
      EXIT.usage,
      /cannot be written: \S+map: no such file/,
    ],
    [["--sudo", from, to], EXIT.usage, /both ends are on this one/],
    [["-", to], EXIT.usage, /must be actual file/],
  ] as const)
    assertFailed(await compare(...args), code, "compare", words);
  assert.ok(!existsSync(map));
});

/** Compares with a stand-in for a stage on another host. */
async function compareWith(t: TestContext, events: readonly string[]): Promise<Outcome> {
  const { folder, here } = ends(t);
  const rsh = join(folder, "rsh");
  const say = (lines: readonly string[]): string =>
    lines.map((event) => `echo '${event}' >&2\n`).join("");
  const isEnd = (event: string): boolean => event === END;
  const [first, last] = [events.filter((event) => !isEnd(event)), events.filter(isEnd)];
  writeFileSync(rsh, `#!/bin/bash\n${say(first)}exec >&-\ncat > /dev/null\n${say(last)}`);
  chmodSync(rsh, 0o755);
  return compare(
    "-e",
    rsh,
    "--remote-command",
    "x",
    "--ranges-out",
    join(folder, "m"),
    "host:/s",
    here,
  );
}

test("another host that reports impossible ranges, or does not finish, proves nothing", async (t) => {
  assert.equal(OLD.length, 1024 * 1024);
  const differ = (...ranges: number[][]): string => JSON.stringify({ event: "differ", ranges });
  for (const [events, words] of [
    [[HELLO, BEGIN, differ([4096, 4096], [0, 4096]), END], /not in ascending order/],
    [[HELLO, BEGIN, END], /has compared 0 of 1048576 bytes/],
    [[HELLO, BEGIN], /never said that it is done/],
  ] as const)
    assertFailed(await compareWith(t, events), EXIT.protocol, "compare", words);
  for (const range of [
    [4096, 0],
    [2 ** 53 - 1, 4096],
  ] as [number, number][])
    assert.match(new Differences(0).add([range]) ?? "", /not in ascending order/);
});
