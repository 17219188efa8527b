// An audit compares what a range map leaves out, a part in each run.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import type { AuditProgress } from "../../src/blocks/part-queue.ts";
import { Audit } from "../../src/stages/save/audit.ts";
import { type Extent, Extents, outside } from "../../src/ranges/extents.ts";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, blockcopy, EXIT, type Outcome, run } from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";
import { script } from "../support/hosts/hosts.ts";
import { pair, SOURCE } from "../support/programs/sync-pair.ts";
import { system } from "../support/programs/tools.ts";

const MIB = 1024 * 1024;
const BLOCK = 128 * 1024;
const SOURCE_SIZE = 8 * MIB + 5;

/** A source of nine parts, and the same with a byte changed in some places. */
function ends(t: TestContext, ...offsets: number[]): ReturnType<typeof pair> & { map: string } {
  const source = noise("source", SOURCE_SIZE);
  const destination = Buffer.from(source);
  for (const offset of offsets) destination[offset] = (destination[offset] ?? 0) ^ 1;
  const found = pair(t, { source, destination });
  const map = join(found.folder, "map");
  writeFileSync(map, `0 1\n${3 * MIB} ${BLOCK}\n`);
  return { ...found, map };
}

interface Seen {
  code: number | null;
  part: number;
  compared: number;
}

function seenIn({ code, stderr }: Outcome): Seen {
  const found = /^ {2}audit, part (\d+) of \d+: ([\d.]+ (?:[KMG]iB|bytes)) outside/m.exec(stderr);
  assert.ok(found, stderr);
  const [number = 0, unit = ""] = (found[2] ?? "").split(" ");
  const scale = { bytes: 1, KiB: 1024, MiB: MIB }[unit] ?? Number.NaN;
  return { code, part: Number(found[1]), compared: Number(number) * scale };
}

test("after as many runs as there are parts, all of the destination has been compared", async (t) => {
  // The map has the first one. The second one is in the third of four parts, the last byte in the last.
  const { folder, from, to, map } = ends(t, 0, 5 * MIB, SOURCE_SIZE - 1);
  const state = join(folder, "state");
  const args = ["sync", "--audit", "25%", "--audit-state", state, "--ranges", map, from, to];
  const runs: Seen[] = [];
  for (let number = 0; number < 4; number += 1) {
    const outcome = await run([...args]);
    const seen = seenIn(outcome);
    runs.push(seen);
    const differs = { 3: 5 * MIB, 4: Math.floor(SOURCE_SIZE / BLOCK) * BLOCK }[seen.part];
    if (differs === undefined) {
      assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    } else {
      assert.match(
        outcome.stderr,
        new RegExp(
          `^ERROR \\(sync\\): 1 block .* outside the range map differed, the first at offset ${differs};`,
          "m",
        ),
      );
    }
    assert.match(readFileSync(state, "utf8"), new RegExp(`^${(seen.part % 4) + 1}/4$`, "m"));
  }
  const codes = new Map(runs.map(({ part, code }) => [part, code]));
  const expected = [EXIT.ok, EXIT.ok, EXIT.incompleteMap, EXIT.incompleteMap];
  assert.deepEqual(
    [1, 2, 3, 4].map((part) => codes.get(part)),
    expected,
  );
  assertSame(readFileSync(to), noise("source", SOURCE_SIZE));
  const compared = runs.reduce((sum, seen) => sum + seen.compared, 0);
  assert.ok(Math.abs(compared - (SOURCE_SIZE - 2 * BLOCK)) < 0.05 * MIB, String(compared));
});

test("a run that fails is not counted, and its part is compared again", async (t) => {
  const { folder, from, to, map } = ends(t);
  const state = join(folder, "state");
  writeFileSync(state, "# blockcopy: the part to audit next\n7/9\n");
  const args = ["sync", "--audit", "11.2%", "--audit-state", state, "--ranges", map];
  assertFailed(
    await run([...args, from, join(folder, "missing")]),
    EXIT.missing,
    "sync",
    /missing/,
  );
  const outcome = await run([...args, "--json", from, to]);
  const end = JSON.parse(outcome.stdout.toString().trimEnd().split("\n").at(-1) ?? "") as {
    summary: { audit: unknown };
  };
  assert.deepEqual(end.summary.audit, {
    compared: MIB,
    blocks: 0,
    bytes: 0,
    first: null,
    part: 7,
    parts: 9,
  });
});

test("a run that fails after a repair says what the audit has found", async (t) => {
  const { folder, from, to, map } = ends(t, MIB, 7 * MIB);
  const rsh = join(folder, "rsh");
  // The second block does not arrive.
  script(rsh, 'for last; do :; done\nsh -c "$last" | head -c 200000');
  const far = ["-e", rsh, "--remote-command", blockcopy()];
  const args = ["sync", "--json", "--audit", "100%", "--ranges", map, ...far, `host:${from}`, to];
  const { code, stdout, stderr } = await run(args);
  assert.notEqual(code, EXIT.ok);
  const found = new RegExp(
    `^WARNING \\(sync\\): the audit has found .* at offset ${MIB}, outside`,
    "m",
  );
  assert.match(stderr, found);
  const error = new RegExp(
    `^ERROR .*its audit had found a difference at offset ${MIB}, which`,
    "m",
  );
  assert.match(stderr, error);
  const events = stdout.toString().trimEnd().split("\n");
  assert.match(events.at(-1) ?? "", /"event":"error".*its audit had found a difference/);
  assert.ok(events.some((line) => /"event":"warning".*the audit has found/.test(line)));
});

test("the state of one destination is refused for another one", async (t) => {
  const { folder, from, to, map } = ends(t, 5 * MIB);
  const [state, other] = [join(folder, "state"), join(folder, "other")];
  writeFileSync(other, noise("source", SOURCE_SIZE));
  const args = ["sync", "--audit", "50%", "--audit-state", state, "--ranges", map, from];
  assert.equal((await run([...args, other])).code, EXIT.ok);
  const kept = readFileSync(state, "utf8");
  // With the state of both, each would compare one half every time.
  const words =
    /state says which part of \S+other to audit next, and the destination is \S+: .*own/;
  assertFailed(await run([...args, to]), EXIT.usage, "sync", words);
  assert.equal(readFileSync(state, "utf8"), kept);
  assert.equal(seenIn(await run([...args, other])).code, EXIT.ok);
});

test("another share begins anew, anywhere; what grows is in the range map, or is not audited", async (t) => {
  const { folder, from, to } = pair(t, { destination: SOURCE.subarray(0, 3 * MIB) });
  const [state, map] = [join(folder, "state"), join(folder, "map")];
  writeFileSync(state, "# blockcopy: the part to audit next\n7/9\n");
  writeFileSync(map, `0 ${SOURCE.length}\n`);
  const args = ["sync", "--create", "--audit", "100%", "--audit-state", state, "--ranges", map];
  const outcome = await run([...args, from, to]);
  assert.deepEqual(seenIn(outcome), { code: EXIT.ok, part: 1, compared: 0 });
  assertSame(readFileSync(to), SOURCE);
});

test("options and state files that are refused before anything is written", async (t) => {
  const { folder, from, to, map } = ends(t, 5 * MIB);
  const before = readFileSync(to);
  const state = (content: string): string => {
    const file = join(scratch(t), "state");
    writeFileSync(file, content);
    return file;
  };
  const ranges = ["--ranges", map];
  const share = ["--audit", "50%"];
  const long = `# blockcopy: the part to audit next\n1/2\n${"x".repeat(20_000)}\n`;
  const pipe = join(folder, "pipe");
  system("mkfifo", pipe);
  for (const [args, words] of [
    [share, /--audit compares a share of what --ranges leaves out/],
    [[...ranges, "--audit-state", "x"], /--audit is missing/],
    [[...ranges, ...share, "-n"], /--audit does not work with --dry-run/],
    ...["0%", "101%", "3", "3.123%"].map(
      (text) => [[...ranges, "--audit", text], /is not a share; give a percentage/] as const,
    ),
    [
      [...ranges, ...share, "--audit-state", join(folder, "missing", "state")],
      /the state of the audit cannot be written/,
    ],
    [[...ranges, ...share, "--audit-state", folder], /cannot be read: .* is not a regular file/],
    [[...ranges, ...share, "--audit-state", pipe], /cannot be read: .* is not a regular file/],
    [[...ranges, ...share, "--audit-state", "/dev/zero"], /cannot be read: .* is not a regular/],
    [
      [...ranges, ...share, "--audit-state", state("a disk")],
      /does not say which part to audit next/,
    ],
    [[...ranges, ...share, "--audit-state", state(long)], /does not say which part to audit next/],
    [
      [...ranges, ...share, "--audit-state", state("# blockcopy: the part to audit next\n3/2\n")],
      /does not say which part to audit next/,
    ],
  ] as const) {
    assertFailed(await run(["sync", ...args, from, to]), EXIT.usage, "sync", words);
    assertSame(readFileSync(to), before);
  }
  assert.ok(!existsSync("x"));
});

const ORDERED = fc
  .array(fc.tuple(fc.nat(12), fc.nat(12)), { maxLength: 6 })
  .map((gaps): Extents => {
    const extents = new Extents();
    let at = 0;
    for (const [gap, length] of gaps) {
      extents.append({ start: at + gap, end: at + gap + length });
      at += gap + length + 1;
    }
    return extents;
  });

/** The bytes of extents, one by one. */
const bytesOf = (extents: Iterable<Extent>): number[] =>
  [...extents].flatMap(({ start, end }) =>
    Array.from({ length: end - start }, (_, at) => start + at),
  );

test("each byte is in the map, or in what is left out", () => {
  fc.assert(
    fc.property(ORDERED, fc.nat(40), fc.nat(40), (covered, start, length) => {
      const inMap = new Set(bytesOf(covered));
      const expected = bytesOf([{ start, end: start + length }]).filter((at) => !inMap.has(at));
      assert.deepEqual(bytesOf(outside({ start, end: start + length }, covered)), expected);
    }),
  );
});

test("an audit counts the bytes of each block that lie in its part", () => {
  const BLOCKS = fc.array(fc.tuple(fc.nat(80), fc.integer({ min: 1, max: 30 })), { maxLength: 5 });
  fc.assert(
    fc.property(ORDERED, BLOCKS, (audited, blocks) => {
      const audit = new Audit(audited);
      audit.add(blocks.map(([position, block]) => ({ position, block })));
      const isAudited = new Set(bytesOf(audited));
      const found = blocks.map(([start, length]) =>
        bytesOf([{ start, end: start + length }]).filter((at) => isAudited.has(at)),
      );
      assert.deepEqual(audit.findings, {
        compared: isAudited.size,
        blocks: found.filter((bytes) => bytes.length > 0).length,
        bytes: found.flat().length,
        first: found.flat().length === 0 ? null : Math.min(...found.flat()),
      });
    }),
  );
});

test("an audit goes on where an earlier process of its stream has ended", () => {
  const audited = [
    { start: 10, end: 20 },
    { start: 40, end: 100 },
  ];
  let kept: AuditProgress = { blocks: 0, bytes: 0, first: 0, end: 0 };
  const queue = { keptAudit: () => kept, keepAudit: (now: AuditProgress) => (kept = now) };
  const blocks = [0, 15, 30, 45, 60, 75].map((position) => ({ position, block: 15 }));
  const whole = new Audit(audited);
  whole.add(blocks);
  // Of the three that it has announced, it could not write the last one.
  const lost = new Audit(audited, queue);
  lost.add(blocks.slice(0, 1));
  lost.add(blocks.slice(1, 3));
  const next = new Audit(audited, queue);
  next.add(blocks.slice(2, 4));
  const last = new Audit(audited, queue);
  last.add(blocks.slice(3));
  assert.deepEqual(last.findings, whole.findings);
  assert.deepEqual(last.findings, { compared: 70, blocks: 6, bytes: 60, first: 10 });
});
