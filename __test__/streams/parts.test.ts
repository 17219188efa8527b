// The parts that the streams of one copy take, one after the other.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { Division } from "../../src/blocks/division.ts";
import { partLength } from "../../src/blocks/part.ts";
import { PartQueue } from "../../src/blocks/part-queue.ts";
import { BlockDecoder } from "../../src/protocol/block-stream/decoder.ts";
import type * as Binding from "../../src/native/binding.js";
import { bytesOf, type Extent, type ExtentList, Extents } from "../../src/ranges/extents.ts";
import { HashDecoder } from "../../src/protocol/hash-stream/decoder.ts";
import { SharedList } from "../../src/transport/files/shared-list.ts";
import { assertSame } from "../support/files/bytes.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import { script } from "../support/hosts/hosts.ts";
import { assertFailed, COMMAND, EXIT, quote, run } from "../support/programs/cli.ts";
import { defer } from "../support/cleanup.ts";
import { eventually } from "../support/programs/eventually.ts";
import { start } from "../support/programs/pipe.ts";
import { answer, BEGIN, END, HELLO, OLD, pull } from "../support/programs/stand-in.ts";
import { changedIn, pair } from "../support/programs/sync-pair.ts";
import { field, u32, u64 } from "../support/wire/description-frames.ts";
import { hashFrame, sha3 } from "../support/wire/frames.ts";
import {
  headFrame,
  markFrame,
  rootFrame,
  sealedHello,
  sealedStream,
  whole,
} from "../support/wire/extended.ts";
import { assertRefused } from "../support/wire/read-legacy.ts";

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
*--part=2/4*) { head -c 65536; while ! [ -e ${quote([gate])} ]; do sleep 0.02; done; cat; } | sh -c "$*";;
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
    writeSync(file, `${id} ${text}`.padEnd(512), 0);
    return PartQueue.open(`${process.pid}/${file}/${id}`, 2);
  };
  const copy = { size: 4 * PART, openEnded: false, streams: 2, length: PART, parts: 5 };
  const digests = { cache: 7, root: "0f".repeat(64), records: [8] };
  const instance = `${randomUUID()} file 8:1 4711`;
  for (const right of [copy, { ...copy, digests }, { ...copy, instance }])
    assert.deepEqual(opened(JSON.stringify(right)).copy, right);
  const wrong: object[] = [
    { size: -1 },
    { size: 4 * PART - 1 },
    { size: "16" },
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

test("what cannot be opened because the first stream has gone says so", async (t) => {
  const { folder } = pair(t);
  const file = openSync(join(folder, "list"), "w+");
  const copy = { size: 0, openEnded: false, streams: 2, length: PART, parts: 1 };
  const native = { makeMemoryFile: () => file } as typeof Binding;
  const queue = PartQueue.create(native, copy, 1);
  const open = (path: string): Promise<never> => Promise.reject(new Error(path));
  await assert.rejects(queue.openOther(999, open), { message: `/proc/${process.pid}/fd/999` });
  closeSync(file);
  const gone = { name: "SharedListError", makerGone: true };
  await assert.rejects(queue.openOther(999, open), gone);
  await assert.rejects(
    queue.openOther(999, () => Promise.resolve(1)),
    gone,
  );
});

test("a list of parts that cannot be made leaves no descriptor open", () => {
  // The first takes the list and does not keep it, the second does not take it.
  for (const [path, message] of [
    ["/dev/null", /is not the list of the parts of this copy/],
    ["/dev/full", /cannot make the list of the parts of this copy: no space/],
  ] as const) {
    const file = openSync(path, "r+");
    assert.throws(() => SharedList.create({ makeMemoryFile: () => file }, "{}"), message);
    assert.throws(() => fstatSync(file), { code: "EBADF" });
  }
});

test("a source that marks parts which it was not asked for, or too few", async (t) => {
  const before = Buffer.alloc(4 * PART, 7);
  // Either stream may be the first to notice: the messages and the offset are those of any part.
  for (const [marks, message] of [
    [[], /ends without the `mark` frame for offset \d+, at byte \d+ of/],
    [[PART + 1], /a `mark` frame for offset 4194305 that the destination has not asked for/],
  ] as const) {
    const { outcome, here } = await pull(t, {
      events: [HELLO, BEGIN, END],
      stream: answer(marks.map(markFrame), before.length),
      args: ["--streams", "2"],
      before,
    });
    assertFailed(outcome, EXIT.protocol, "sync", message);
    assertSame(readFileSync(here), before);
  }
});

/** A `mark` frame of the hash stream. */
const askingMark = (offset: number): Buffer => Buffer.concat([Buffer.from("mark"), u64(offset)]);

test("marks are read only where the hello asks for them, and never step back", () => {
  const mark = askingMark(0);
  const hello = sealedHello({ marks: true });
  const asking = (...offsets: number[]): Buffer =>
    sealedStream(hello, offsets.map(askingMark).map(whole));
  const { frames, done } = new HashDecoder().decode(asking(0, 1), 0);
  assert.deepEqual([frames.map(({ kind }) => kind), done], [["mark", "mark"], true]);
  for (const [offsets, message] of [
    [[5, 5], "a `mark` frame repeats offset 5"],
    [[6, 5], "a `mark` frame steps back to offset 5"],
  ] as const)
    assertRefused(
      () => new HashDecoder().decode(asking(...offsets), 0),
      "out-of-order",
      hello.length + mark.length,
      message,
    );
  const plain = sealedHello();
  assertRefused(
    () => new HashDecoder().decode(sealedStream(plain, [whole(mark)]), 0),
    "unknown-command",
    plain.length,
    "b'mark'",
  );
  const head = headFrame({ source: [field(2, "file")] });
  const read = (offsets: readonly number[], onMark?: () => void): unknown => {
    const stream = sealedStream(head, offsets.map(markFrame));
    return new BlockDecoder(onMark).decode(stream, 0, stream.length, 0).done;
  };
  assert.equal(
    read([5, 5, 6], () => undefined),
    true,
  );
  assertRefused(() => read([5]), "unknown-command", head.length, "b'mark'");
  const second = head.length + markFrame(6).bytes.length;
  assertRefused(
    () => read([6, 5], () => undefined),
    "out-of-order",
    second,
    "steps back to offset 5",
  );
});

test("retrieve marks what it has answered, and digests it", async (t) => {
  const source = noise("answer", 3 * BLOCK + 77);
  const { from } = pair(t, { source });
  const zeros = Buffer.alloc(64);
  // The second block is equal; the last one is longer than the source, and another lies after its end.
  const blocks = [0, 2 * BLOCK, 3 * BLOCK + 5].map((position) => ({
    position,
    content: source.subarray(position, position + BLOCK),
  }));
  const frames = [
    hashFrame(0, BLOCK, zeros),
    askingMark(BLOCK),
    hashFrame(2 * BLOCK, BLOCK, sha3(source.subarray(2 * BLOCK, 3 * BLOCK))),
    askingMark(3 * BLOCK + 5),
    hashFrame(3 * BLOCK + 5, BLOCK, zeros),
    hashFrame(8 * BLOCK, BLOCK, zeros),
    askingMark(9 * BLOCK),
  ];
  const hello = sealedHello({ marks: true });
  const stdin = sealedStream(hello, frames.map(whole));
  const outcome = await run(["retrieve", "--compress", "none", from], { stdin });
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  const marks: number[] = [];
  const decoder = new BlockDecoder((offset) => marks.push(offset));
  const stream = outcome.stdout;
  const decoded = decoder.decode(stream, 0, stream.length, 0);
  assert.ok(decoded.done);
  assert.deepEqual(marks, [BLOCK, 3 * BLOCK + 5, 9 * BLOCK]);
  assert.deepEqual(
    decoded.frames.map(({ position, block }) => [position, block]),
    [
      [0, BLOCK],
      [3 * BLOCK + 5, 72],
    ],
  );
  const entries = blocks.map(({ position, content }) =>
    Buffer.concat([u64(position), u32(content.length), sha3(content)]),
  );
  const text = Buffer.from("blockcopy parts 1 sha3-512\n");
  const all = Buffer.concat([text, u32(BLOCK), ...entries, u64(source.length)]);
  assert.deepEqual(Buffer.from(decoder.parts ?? []), sha3(all));
});

test("retrieve reads no more marks while those before are not answered", async (t) => {
  const { folder, from } = pair(t);
  const marks = Array.from({ length: 200_000 }, (_, index) => whole(askingMark(index + 1)));
  const path = join(folder, "marks");
  writeFileSync(path, sealedStream(sealedHello({ marks: true }), marks));
  const stdin = openSync(path, "r");
  defer(t, () => closeSync(stdin));
  // No process reads its output, which is a socket with room for a few thousand marks at most.
  const { pid, child } = start(t, ["retrieve", from], { stdin, stdout: "pipe" });
  child.stdout?.pause();
  let [before, consumed] = [0, 0];
  const isStill = (): boolean => {
    [before, consumed] = [consumed, positionOf(pid)];
    return consumed > 0 && consumed === before;
  };
  await eventually(isStill, { what: "stopped reading", everyMs: 500 });
  assert.ok(consumed <= MIB, `${consumed} bytes of marks read`);
});

/** Returns the offset up to which a process has read its standard input, a file. */
function positionOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/fdinfo/0`, "utf8");
  return Number(/^pos:\s+(\d+)$/m.exec(text)?.[1]);
}

test("several streams verify all of the source, and refuse to verify less", async (t) => {
  const source = noise("full", 4 * PART + 77);
  const size = source.length;
  const { folder, from, to } = pair(t, { source });
  const [all, most] = [join(folder, "all"), join(folder, "most")];
  writeFileSync(all, `0 ${size}\n`);
  writeFileSync(most, `${BLOCK} ${size - BLOCK}\n`);
  for (const [isWhole, args] of [
    [true, ["--end", `${size}`]],
    [true, ["--ranges", all]],
    [false, ["--end", `${size - 1}`]],
    [false, ["--ranges", most]],
  ] as const) {
    const before = changedIn(source, 0, 100);
    writeFileSync(to, before);
    const options = ["--streams", "2", "--verify", "full", ...args];
    const outcome = await run(["sync", "-q", ...options, from, to]);
    assert.equal(outcome.code, isWhole ? EXIT.ok : EXIT.usage, outcome.stderr);
    assertSame(readFileSync(to), isWhole ? source : before, options.join(" "));
  }
});

test("a full verification needs the digest of the parts, and finds a difference", async (t) => {
  for (const [fields, code, message] of [
    [[], EXIT.protocol, /lacks the digest of the parts in the source/],
    [
      [field(4, Buffer.alloc(64))],
      EXIT.differs,
      /differs from the source, but not in the 0 blocks/,
    ],
    [[field(4, Buffer.alloc(63))], EXIT.protocol, /field 4/],
  ] as const) {
    const stream = Buffer.concat([
      answer([]).subarray(0, -(rootFrame([]).length + 4)),
      rootFrame([], undefined, fields),
      Buffer.from("done"),
    ]);
    const { outcome, here } = await pull(t, {
      events: [HELLO, BEGIN, END],
      stream,
      args: ["--streams", "2", "--verify", "full"],
      reads: 3,
    });
    assertFailed(outcome, code, "sync", message);
    assertSame(readFileSync(here), OLD);
  }
});
