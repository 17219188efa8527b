// The marks with which streams say which parts they have done, and the digest of the parts.
import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BlockDecoder } from "../../src/protocol/block-stream/decoder.ts";
import { HashDecoder } from "../../src/protocol/hash-stream/decoder.ts";
import { assertSame } from "../support/files/bytes.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
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
