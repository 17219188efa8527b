// A source that sends something else than it was asked for: nothing of that is written.
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import {
  answer,
  assertPullRefused,
  BEGIN,
  BLOCK,
  block,
  END,
  ends,
  HELLO,
  OLD,
  OPEN,
  pull,
  SIZE,
} from "../support/programs/stand-in.ts";
import { headFrame, sealedStream, zeroFrame } from "../support/wire/extended.ts";
import { field, u64 } from "../support/wire/description-frames.ts";
import { noise, scratch } from "../support/files/files.ts";
import { dataFrame, dlzmFrame, DONE, xz } from "../support/wire/frames.ts";

test("blocks outside of what was asked for are not written", async (t) => {
  const map = join(scratch(t), "map");
  writeFileSync(map, "524288 4096\n");
  for (const [args, stream] of [
    [["--end", "512K"], answer([block(786_432)])],
    [["--end", "512K"], answer([block(524_288 - 1)])],
    [["--start", "512K"], answer([block(0)])],
    [["--ranges", map], answer([block(0)])],
    [["--ranges", map], answer([block(524_288 + BLOCK)])],
    [[], answer([block(4 * SIZE)])],
    [[], answer([block(SIZE - 1)])],
    [[], answer(Array.from({ length: 64 }, (_, place) => zeroFrame(place * 16 * SIZE, 16 * SIZE)))],
    [["--truncate"], answer([block(SIZE)])],
    [["--truncate"], answer([block(8192)], 8192)],
    [["--allow-larger"], answer([block(8192)], 8192)],
  ] as const) {
    const { outcome, here } = await pull(t, { events: [HELLO, BEGIN, END], stream, args });
    assertFailed(
      outcome,
      EXIT.protocol,
      "sync",
      /for offset \d+ (?:lies outside|reaches beyond)/,
      /at byte \d+ of/,
    );
    const after = readFileSync(here);
    // Runs of zeros that were asked for may have been written before the first that was not.
    const zeros = stream.includes("zero");
    assertSame(zeros ? after.subarray(SIZE) : after, zeros ? Buffer.alloc(0) : OLD);
  }
});

test("a size that does not fit is refused by the destination itself", async (t) => {
  for (const [args, size] of [
    [[], SIZE + 1],
    [[], SIZE - 1],
    [["--allow-larger"], SIZE + 1],
    [["--create"], SIZE - 1],
  ] as const) {
    await assertPullRefused(
      t,
      { events: [HELLO, BEGIN, END], stream: answer([block(0)], size), args },
      EXIT.usage,
      new RegExp(`the source has ${size} bytes and the destination .*here ${SIZE}`),
    );
  }
});

test("a source that leaves out blocks after the end of the destination", async (t) => {
  const half = SIZE / 2;
  for (const [args, before, frames, after] of [
    [["--create"], undefined, [block(8192)], 12_288],
    [["--create"], undefined, [], undefined],
    [["--create", "-t", "-p"], half, [block(half)], half + 4096],
    [["--create", "--verify", "full", "-t", "-p"], half, [block(half)], half + 4096],
    [["--create"], half, [block(half)], half + 4096],
    [["--truncate"], half, [block(0)], half],
    [["--start", "4K"], half, [], half],
    [["--streams", "2", "--create"], half, [], half],
  ] as const) {
    const counts = `{"changed":${frames.length * 4096}}`;
    const { outcome, here } = await pull(t, {
      events: [HELLO, OPEN, `{"event":"progress","done":0,"counts":${counts}}`, END],
      stream: answer([...frames]),
      args,
      before: before === undefined ? null : OLD.subarray(0, before),
      ...(args[0] === "--streams" && { reads: 3 }),
    });
    // With several streams, the source has to say first that it has answered, and does not.
    const words =
      args[0] === "--streams"
        ? /ends without the `mark` frame for offset 0/
        : new RegExp(`source has 1048576 bytes and .*here has only ${after ?? 0} after all blocks`);
    assertFailed(outcome, EXIT.protocol, "sync", words);
    const left = statSync(here, { throwIfNoEntry: false });
    assert.equal(left?.size, after);
    // It is not made to look like a copy.
    assert.equal((left?.mode ?? 0o600) & 0o777, 0o600, args.join(" "));
    assert.notEqual(left?.mtimeMs, 1e12);
  }
});

test("a source that says that it is a device of 0 bytes", async (t) => {
  const empty = sealedStream(headFrame({ source: [field(1, u64(0)), field(2, "device")] }), []);
  const words = /the source is a device of 0 bytes/;
  for (const args of [["--truncate"], ["--truncate", "--force"], ["--start", "4K"]]) {
    const source = { events: [HELLO, OPEN, END], stream: empty, args };
    await assertPullRefused(t, source, EXIT.usage, words);
  }
  const { here } = ends(t);
  const saved = await run(["save", "--truncate", "--force", here], { stdin: empty });
  assertFailed(saved, EXIT.usage, "save", words);
  assertSame(readFileSync(here), OLD);
});

test("another answer than was asked for", async (t) => {
  for (const [args, stream] of [
    [[], sealedStream(headFrame({ digest: "blake3", source: [field(1, u64(SIZE))] }), [])],
    [["--block-size", "64K"], answer([])],
  ] as const) {
    const source = { events: [HELLO, BEGIN, END], stream, args };
    await assertPullRefused(t, source, EXIT.protocol, /were requested/);
  }
});

test("blockcopy 0.0.2 in the place of the source: nothing outside either", async (t) => {
  for (const [args, frame, pattern] of [
    [["--start", "512K"], dataFrame(0, noise("evil", 4096)), /lies outside/],
    [[], dataFrame(SIZE - 1, noise("evil", 4096)), /reaches beyond the 1048576 bytes/],
    [
      [],
      dlzmFrame(SIZE - 4096, xz(noise("evil", 8192))),
      /offset 1044480 .*reaches beyond what was asked for/,
    ],
    [[], answer([]), /the protocol of blockcopy 0.0.2 was requested/],
  ] as const) {
    const source = {
      events: [HELLO, BEGIN, END],
      stream: Buffer.concat([frame, DONE]),
      args: ["--wire", "0.0.2", ...args],
    };
    await assertPullRefused(t, source, EXIT.protocol, pattern);
  }
});

test("save: an extended stream writes nothing outside of the source that it names", async (t) => {
  for (const stream of [
    answer([block(SIZE)]),
    answer([block(SIZE)], null),
    answer([block(4096)], 8191),
  ]) {
    const { here } = ends(t);
    assertFailed(
      await run(["save", here], { stdin: stream }),
      EXIT.protocol,
      "save",
      /reaches beyond/,
    );
    assertSame(readFileSync(here), OLD);
  }
});
