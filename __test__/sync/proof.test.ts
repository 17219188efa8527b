// Success needs proof from both sides: an exit code of 0 proves nothing, and neither does a stream that anything may have written.
import assert from "node:assert/strict";
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertFailed,
  assertSucceeded,
  COMMAND,
  EXIT,
  type Outcome,
  quote,
  run,
} from "../support/programs/cli.ts";
import { blckFrame, headFrame, sealedStream, zeroFrame } from "../support/wire/extended.ts";
import { field, u32, u64 } from "../support/wire/description-frames.ts";
import { noise, scratch } from "../support/files/files.ts";
import { dataFrame, dlzmFrame, DONE, sha3, xz } from "../support/wire/frames.ts";

const SIZE = 1024 * 1024;
const BLOCK = 128 * 1024;
const OLD = noise("old", SIZE);

const HELLO = '{"event":"hello","blockcopy":"0.1.0","events":1}';
const BEGIN = '{"event":"begin","total":1048576,"instance":null}';
/** Begun by a source that does not know how many bytes it is to compare. */
const OPEN = '{"event":"begin","total":null,"instance":null}';
const PROGRESS = '{"event":"progress","done":1048576,"counts":{"changed":0}}';
const END = '{"event":"end","outcome":null}';

interface Ends {
  folder: string;
  here: string;
  other: string;
}

/** A file here, and one that a host is to have. */
function ends(t: TestContext): Ends {
  const folder = scratch(t);
  const [here, other] = [join(folder, "here"), join(folder, "other")];
  writeFileSync(here, OLD);
  writeFileSync(other, OLD);
  return { folder, here, other };
}

/** Runs sync with a program in the place of ssh and of all that is on the host. */
function syncWith(folder: string, script: string, args: readonly string[]): Promise<Outcome> {
  const rsh = join(folder, "rsh");
  writeFileSync(rsh, `#!/bin/bash\n${script}\n`);
  chmodSync(rsh, 0o755);
  return run(["sync", "-e", rsh, "--remote-command", "x", ...args]);
}

/** A script in place of a stage: prints these lines, reads all its input, writes a stream, and ends with 0. */
function standIn(
  folder: string,
  events: readonly string[],
  stream: Uint8Array = Buffer.alloc(0),
): string {
  writeFileSync(join(folder, "stream"), stream);
  const last = events.at(-1) === END ? [END] : [];
  const first = events.slice(0, events.length - last.length);
  const say = (lines: readonly string[]): string[] =>
    lines.map((line) => `echo ${quote([line])} >&2`);
  return [
    "exec 3<&0",
    ...say(first),
    `cat <&3 > /dev/null & cat ${quote([join(folder, "stream")])}`,
    "exec >&-; wait",
    ...say(last),
  ].join("\n");
}

/** A source on another host, as a stand-in for it behaves. */
interface Source {
  events: readonly string[];
  stream: Uint8Array;
  /** Options of `sync`. */
  args?: readonly string[];
  /** Content of the destination before the copy; `null` if it does not exist. */
  before?: Buffer | null;
}

/** Copies from a stand-in for a source to a file here. */
async function pull(
  t: TestContext,
  { events, stream, args = [], before = OLD }: Source,
): Promise<{ outcome: Outcome; here: string }> {
  const { folder, here } = ends(t);
  if (before === null) rmSync(here);
  else {
    writeFileSync(here, before);
    chmodSync(here, 0o600);
  }
  const words = args.includes("--wire") ? args : ["--digest", "sha3-512", ...args];
  const script = standIn(folder, events, stream);
  return { outcome: await syncWith(folder, script, [...words, "host:/s", here]), here };
}

/** Asserts that such a copy fails, and writes nothing. */
async function assertPullRefused(
  t: TestContext,
  source: Source,
  code: number,
  ...patterns: RegExp[]
): Promise<void> {
  const { outcome, here } = await pull(t, source);
  assertFailed(outcome, code, "sync", ...patterns);
  assertSame(readFileSync(here), source.before ?? OLD);
}

/** The answer of a source of that size. */
function answer(frames: Parameters<typeof sealedStream>[1], size: number | null = SIZE): Buffer {
  const times = [4, 5].map((tag) => field(tag, Buffer.concat([u64(1_000_000_000), u32(0)])));
  const described = [field(2, "file"), field(3, u32(0o640)), ...times];
  const source = size === null ? [] : [field(1, u64(size)), ...described];
  return sealedStream(headFrame({ source }), frames);
}

const block = (
  position: number,
  content = noise("evil", 4096),
): Parameters<typeof sealedStream>[1][number] =>
  blckFrame({ position, digest: sha3(content), payload: content });

test("a source that ends with 0 and has not said all of it", async (t) => {
  const whole = answer([]);
  for (const [events, stream, pattern] of [
    [[], DONE, /has no seal, and a sealed one was requested/],
    [[HELLO, BEGIN, END], DONE, /has no seal/],
    [[HELLO, BEGIN, END], whole.subarray(0, -DONE.length), /closed unexpectedly/],
    [[], whole, /never said that it runs/],
    [[HELLO, END], whole, /never said that its file is open/],
    [[HELLO, BEGIN], whole, /never said that it is done/],
    [[HELLO, BEGIN, END], whole, /compared 0 of 1048576 bytes/],
    [
      [HELLO, BEGIN, '{"event":"progress","done":1048576,"counts":{"changed":9}}', END],
      whole,
      /sent 9 bytes of blocks, .* written 0/,
    ],
    [[HELLO, BEGIN, END], answer([], null), /does not name the size/],
  ] as const) {
    await assertPullRefused(t, { events, stream }, EXIT.protocol, pattern);
  }
  // The changes in this table are what makes it fail.
  const sound = await pull(t, { events: [HELLO, BEGIN, PROGRESS, END], stream: whole });
  assertSucceeded(sound.outcome);
});

test("a destination that ends with 0 and has not said all of it", async (t) => {
  const stage = `${quote(COMMAND)} receive --digest sha3-512`;
  for (const [args, change, pattern] of [
    [
      [],
      "printf done; exec >&-; cat > /dev/null",
      /from host was not written by blockcopy.*the hash stream has no seal/,
    ],
    [[], `${stage} "$other" 2> >(grep -v '"end"' >&2)`, /never said that it is done/],
    [
      ["--verify", "full"],
      `${stage} "$other"`,
      /did not report the verification that --verify full asks for/,
    ],
    [
      ["--verify", "written"],
      `${stage} --verify full "$other"`,
      /verification that --verify written asks for/,
    ],
    [
      ["--verify", "full"],
      `${stage} --verify full "$other" 2> >(sed -u 's/,"proof":{[^}]*}//' >&2)`,
      /--verify full/,
    ],
    [
      [],
      `${stage} "$other" 2> >(sed -u 's/"changed":0}/"changed":7}/' >&2)`,
      /sent 0 bytes of blocks, .* written 7/,
    ],
  ] as const) {
    const { folder, here, other } = ends(t);
    const script = `other=${quote([other])}; ${change}; sleep 0.2; true`;
    assertFailed(
      await syncWith(folder, script, [...args, here, "host:/d"]),
      EXIT.protocol,
      "sync",
      pattern,
    );
  }
});

test("an error that a stage tells counts although its exit code is lost", async (t) => {
  const { folder, here, other } = ends(t);
  const stages = { receive: [here, "host:/d"], retrieve: ["host:/s", here] };
  for (const [stage, words] of Object.entries(stages)) {
    const script = `${quote([...COMMAND, stage, ...(stage === "retrieve" ? ["--events"] : []), "--", `${other}.none`])}; true`;
    const outcome = await syncWith(folder, script, words);
    assertFailed(outcome, EXIT.missing, "sync", /on host: cannot open .*other\.none: No such file/);
  }
});

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
    });
    assertFailed(
      outcome,
      EXIT.protocol,
      "sync",
      new RegExp(`source has 1048576 bytes and .*here has only ${after ?? 0} after all blocks`),
    );
    const left = statSync(here, { throwIfNoEntry: false });
    assert.equal(left?.size, after);
    // It is not made to look like a copy.
    assert.equal((left?.mode ?? 0o600) & 0o777, 0o600, args.join(" "));
    assert.notEqual(left?.mtimeMs, 1e12);
  }
});

test("a source that sends blocks and does not count them", async (t) => {
  const { outcome } = await pull(t, { events: [HELLO, OPEN, END], stream: answer([block(0)]) });
  assertFailed(
    outcome,
    EXIT.protocol,
    "sync",
    /does not say how many bytes of blocks it has sent, .* has written 4096/,
  );
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
