// The parts that the streams of one copy take, one after the other.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { Division } from "../../src/blocks/division.ts";
import { partLength } from "../../src/blocks/part.ts";
import { PartQueue } from "../../src/blocks/part-queue.ts";
import { bytesOf, type Extent, type ExtentList, Extents } from "../../src/ranges/extents.ts";
import { SharedList } from "../../src/transport/files/shared-list.ts";
import { openOf } from "../../src/transport/processes/descriptors.ts";
import { findProcess } from "../../src/transport/processes/process-tree.ts";
import { assertSame } from "../support/files/bytes.ts";
import { noise } from "../support/files/files.ts";
import { script } from "../support/hosts/hosts.ts";
import { COMMAND, EXIT, quote, run } from "../support/programs/cli.ts";
import { defer } from "../support/cleanup.ts";
import { eventually } from "../support/programs/eventually.ts";
import { start } from "../support/programs/pipe.ts";
import { pair } from "../support/programs/sync-pair.ts";

const MIB = 2 ** 20;

/** Bytes of the shortest parts, but for the first and the last one. */
const PART = 4 * MIB;

/** A part as --verbose names it. */
interface Taken {
  stream: number;
  start: number;
  end: number;
}

function takenIn(stderr: string): Taken[] {
  const lines = stderr.matchAll(/stream (\d+) takes the part from (\d+) to (\d+)$/gm);
  return Array.from(lines, (match) => {
    const [stream = 0, from = 0, end = 0] = match.slice(1).map(Number);
    return { stream, start: from, end };
  });
}

/** Asserts that every byte from `start` to `end` lies in exactly one part. */
function assertCovers(
  parts: readonly Pick<Taken, "start" | "end">[],
  from: number,
  to: number,
): void {
  const sorted = parts.toSorted((one, other) => one.start - other.start || one.end - other.end);
  let at = from;
  for (const part of sorted) {
    assert.equal(part.start, at);
    assert.ok(part.end >= part.start);
    at = part.end;
  }
  assert.equal(at, to);
}

test("parts cover what is copied exactly once, and no two share a cell of the grid", () => {
  const gap = fc.oneof(fc.nat(3 * MIB), fc.nat(2 ** 36));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(gap, fc.oneof(fc.nat(MIB), fc.nat(2 ** 34))), { maxLength: 12 }),
      fc.integer({ min: 2, max: 8 }),
      fc.constantFrom(4096, 131_072, 16 * MIB),
      (pieces, streams, blockSize) => {
        const extents = new Extents();
        let at = 0;
        for (const [skipped, length] of pieces) {
          extents.append({ start: at + skipped, end: at + skipped + length });
          at += skipped + length;
        }
        const bytes = bytesOf(extents);
        const parts = divided(extents, partLength(bytes, streams, blockSize), blockSize);
        assert.ok(parts.length <= Math.max(streams * 32, bytes / 2 ** 30) + 1);
        const all = new Extents();
        for (const extent of parts.flat()) all.append(extent);
        assert.deepEqual([...all], [...extents]);
        const grid = Math.max(MIB, blockSize);
        for (const [place, part] of parts.slice(1).entries()) {
          const before = parts[place]?.at(-1)?.end ?? Number.NaN;
          const first = part[0]?.start ?? Number.NaN;
          assert.ok(Math.floor((before - 1) / grid) < Math.floor(first / grid));
        }
      },
    ),
  );
  // A quotient of such numbers would be rounded.
  const end = 2 ** 53 - 1;
  assertCovers(divided([{ start: 5, end }], partLength(end, 2, 4096), 4096).flat(), 5, end);
  assert.deepEqual(
    divided([{ start: 7, end: 7 }], MIB, 4096)
      .flat()
      .filter((extent) => extent.end > extent.start),
    [],
  );
});

function divided(extents: ExtentList, length: number, blockSize: number): Extent[][] {
  const division = new Division(extents, length, blockSize);
  return Array.from({ length: division.parts }, (_, number) => [...division.extents(number)]);
}

test("eight processes take each part once", async (t) => {
  const { from, to } = pair(t, { source: noise("parts", 3 * MIB), destination: Buffer.alloc(MIB) });
  const size = 40 * PART + 12_345;
  truncateSync(from, size);
  truncateSync(to, size);
  const range = ["--start", "5000", "--end", `${size - 1000}`];
  const outcome = await run(["sync", "--streams", "8", "--verbose", ...range, from, to]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  const taken = takenIn(outcome.stderr);
  assert.ok(taken.length >= 40);
  assertCovers(taken, 5000, size - 1000);
  const expected = readFileSync(from);
  expected.fill(0, 0, 5000);
  assertSame(readFileSync(to), expected);
});

test("a connection that is stuck carries two parts, and the others carry the rest", async (t) => {
  const source = noise("stuck", 16 * PART);
  const { folder, from, to } = pair(t, { source, destination: Buffer.alloc(source.length) });
  const [slow, gate] = [join(folder, "slow"), join(folder, "gate")];
  // It carries a few bytes, and the rest once all parts are taken.
  script(
    slow,
    `shift; case $* in
*--part=2/4*) { head -c 65536; while ! [ -e ${quote([gate])} ]; do sleep 0.1; done; cat; } | sh -c "$*";;
*) exec sh -c "$*";;
esac`,
  );
  const remote = ["-e", slow, "--remote-command", quote(COMMAND), "--compress", "none"];
  const args = ["sync", "--streams", "4", "--verbose", ...remote, from, `host:${to}`];
  const running = start(t, args, {});
  // With fixed parts, the stuck connection would have a quarter of the copy.
  await eventually(() => takenIn(running.stderr()).length === 16, {
    what: "took all parts",
    detail: running.stderr,
  }).finally(() => writeFileSync(gate, ""));
  const { code } = await running.ended;
  assert.equal(code, 0, running.stderr());
  const taken = takenIn(running.stderr());
  assertCovers(taken, 0, source.length);
  assert.ok(taken.filter(({ stream }) => stream === 2).length <= 2, running.stderr());
  assertSame(readFileSync(to), source);
});

test("a queue that is not the one of this copy", async (t) => {
  const { folder, to } = pair(t);
  const other = openSync(join(folder, "other"), "w+");
  defer(t, () => closeSync(other));
  for (const [queue, code, message] of [
    [
      `${process.pid}/${other}/${randomUUID()}`,
      EXIT.io,
      /is not the list of the parts of this copy/,
    ],
    [
      `${process.pid}/9999/${randomUUID()}`,
      EXIT.io,
      /cannot open .*, the list of the parts .*no such file/,
    ],
    ["1/../2", EXIT.usage, /is not a queue of parts/],
  ] as const) {
    const outcome = await run(["receive", "--part=2/2", `--queue=${queue}`, "--force", to]);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stderr, message);
  }
});

test("a queue whose copy cannot be one is refused", (t) => {
  const { folder } = pair(t);
  const file = openSync(join(folder, "list"), "w+");
  defer(t, () => closeSync(file));
  const id = randomUUID();
  const opened = (text: string): PartQueue => {
    writeSync(file, `${id} ${text}`.padEnd(1024), 0);
    return PartQueue.open(`${process.pid}/${file}/${id}`, 2);
  };
  const sizes = { size: 4 * PART - 1, grownTo: 4 * PART };
  const copy = { ...sizes, openEnded: false, streams: 2, length: PART, parts: 5 };
  const owner = { pid: 4711, started: "815" };
  const hashing = { digest: "blake3", blockSize: 65_536 };
  const digests = { owner, hashing, cache: 7, root: "0f".repeat(64), records: [8] };
  const instance = `${randomUUID()} file 8:1 4711`;
  for (const right of [copy, { ...copy, digests }, { ...copy, instance }])
    assert.deepEqual(opened(JSON.stringify(right)).copy, right);
  const wrong: object[] = [
    { size: -1 },
    { size: "16" },
    { size: 4 * PART + 1 },
    { size: 0, grownTo: 4 * PART - 1 },
    { grownTo: undefined },
    { grownTo: 2 ** 53 },
    { openEnded: 1 },
    { streams: 1 },
    { streams: 1e9 },
    { length: 0 },
    { length: 0.5 },
    { length: PART + 1 },
    { parts: 0 },
    { parts: 6 },
    { parts: 70_000, length: 1 },
    { parts: undefined },
    { more: 1 },
    { instance: 7 },
    { instance: "a\nb" },
    { instance: "x".repeat(121) },
    { digests: null },
    { digests: { ...digests, owner: { ...owner, pid: 0 } } },
    { digests: { ...digests, owner: { ...owner, started: "-1" } } },
    { digests: { ...digests, owner: { ...owner, more: 1 } } },
    { digests: { ...digests, hashing: { ...hashing, digest: "md5" } } },
    { digests: { ...digests, hashing: { ...hashing, blockSize: 65_537 } } },
    { digests: { ...digests, hashing: undefined } },
    { digests: { ...digests, cache: -1 } },
    { digests: { ...digests, root: "0F".repeat(64) } },
    { digests: { ...digests, records: [] } },
    { digests: { ...digests, records: [8, 9] } },
    { digests: { ...digests, records: ["8"] } },
    { digests: { ...digests, more: 1 } },
  ];
  for (const text of [
    "",
    "{",
    "null",
    "[]",
    ...wrong.map((w) => JSON.stringify({ ...copy, ...w })),
  ])
    assert.throws(() => opened(text), { name: "SharedListError", exitCode: EXIT.io }, text);
});

/** A copy of nothing. */
const NOTHING = { size: 0, grownTo: 0, openEnded: false, streams: 2, length: PART, parts: 1 };

function listIn(file: number): SharedList {
  return SharedList.create({ makeMemoryFile: () => file });
}

test("a queue keeps how far the audit of each stream is", (t) => {
  const { folder } = pair(t);
  const file = openSync(join(folder, "list"), "w+");
  defer(t, () => closeSync(file));
  const one = PartQueue.create(listIn(file), NOTHING, 1);
  const two = PartQueue.open(one.name, 2);
  const found = { blocks: 3, bytes: 2 ** 52, first: 7, end: 2 ** 53 - 1 };
  const none = { blocks: 0, bytes: 0, first: 0, end: 0 };
  two.keepAudit(found);
  assert.deepEqual([one.keptAudit(), two.keptAudit()], [none, found]);
  assert.equal(one.take(), 0);
  assert.deepEqual(PartQueue.open(one.name, 2).keptAudit(), found);
  for (const wrong of [{ bytes: 2 }, { blocks: -1 }, { end: 6 }, { first: 0.5 }, { end: NaN }]) {
    two.keepAudit({ ...found, ...wrong });
    assert.throws(() => two.keptAudit(), { name: "SharedListError" });
  }
});

test("what another process has open is opened unless that process has ended", async (t) => {
  const file = join(pair(t).folder, "source");
  const opened: string[] = [];
  const closed: string[] = [];
  const open = async (path: string): Promise<{ close: () => number }> => {
    await readFile(path);
    opened.push(path);
    return { close: () => closed.push(path) };
  };
  const holder = spawn("sleep", ["60"], { stdio: [openSync(file, "r"), "ignore", "ignore"] });
  defer(t, () => holder.kill("SIGKILL"));
  const owner = findProcess(holder.pid ?? 0);
  assert.ok(owner);
  const path = `/proc/${owner.pid}/fd/0`;
  assert.ok(await openOf(owner, 0, open));
  assert.equal(await openOf(owner, 99, open), undefined);
  await assert.rejects(
    openOf(owner, 0, () => Promise.reject(new Error("no"))),
    { message: "no" },
  );
  assert.deepEqual([opened, closed], [[path], []]);
  assert.equal(await openOf({ ...owner, started: "1" }, 0, open), undefined);
  assert.deepEqual(closed, [path], "what another process has");
  holder.kill("SIGKILL");
  await once(holder, "exit");
  assert.equal(await openOf(owner, 0, open), undefined);
});

test("a list of parts that cannot be made leaves no descriptor open", () => {
  // The first takes the list and does not keep it, the second does not take it.
  for (const [path, message] of [
    ["/dev/null", /is not the list of the parts of this copy/],
    ["/dev/full", /cannot make the list of the parts of this copy: no space/],
  ] as const) {
    const file = openSync(path, "r+");
    assert.throws(() => listIn(file), message);
    assert.throws(() => fstatSync(file), { code: "EBADF" });
  }
});
