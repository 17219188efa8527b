// `inspect`: streams as text and JSON, whole, cut at every byte, damaged, and any bytes at all.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import {
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  EXIT,
  lastLine,
  run,
} from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";
import { framesIn, parsed } from "../support/wire/inspect-output.ts";
import { cases, recorded } from "../support/wire/vectors.ts";
import {
  dataFrame,
  decodeBlocks,
  decodeHashes,
  deprecatedHash,
  dlzmFrame,
  DONE,
  hello,
  restFrame,
  unequalHash,
} from "../support/wire/frames.ts";

const hashFrames = [hello("blake3"), unequalHash(0, 131_072, 32), restFrame(131_072), DONE];
const blockFrames = [dataFrame(5, Buffer.from("abc")), dlzmFrame(9, Buffer.from("xz")), DONE];

test("a hash stream as text", async () => {
  const { stdout, ...outcome } = await run(["inspect"], { stdin: Buffer.concat(hashFrames) });
  assertSucceeded(outcome);
  assert.equal(
    stdout.toString(),
    `         0  helo  version 1.0, digest blake3, blocks of 131072 bytes
        24  Hash  131072 bytes at 0, eeeeeeeeeeeeeeee...
        72  rest  from 131072 on
        84  done
`,
  );
});

test("a block stream as text, from a file, with what follows it", async (t) => {
  const file = join(scratch(t), "blocks");
  writeFileSync(file, Buffer.concat([...blockFrames, Buffer.alloc(300_000)]));
  const { stdout, ...outcome } = await run(["inspect", file]);
  assertSucceeded(outcome);
  assert.equal(
    stdout.toString(),
    `         0  data  3 bytes at 5
        19  dlzm  2 bytes compressed at 9
        37  done
        41  300000 bytes follow done
`,
  );
});

test("recorded streams, as an independent decoder reads them", async () => {
  const frames = (stream: Buffer): object[] => {
    let offset = 0;
    const blocks = decodeBlocks(stream).frames.map(({ command, position, payload }) => {
      const line = { offset, frame: command, position, length: payload.length };
      offset += 16 + payload.length;
      return line;
    });
    return [...blocks, { offset, frame: "done" }];
  };
  let digests = 0;
  for (const { name, retrieve, save } of cases)
    for (const [file, decode] of [
      [retrieve.stdin ?? "", decodeHashes],
      [save.stdin, frames],
    ] as const) {
      const stdin = recorded(file);
      const { code, stdout } = await run(["inspect", "--json", "-"], { stdin });
      // `done` is missing exactly where the stream is cut off or damaged, or its writer failed.
      const complete = stdin.subarray(-4).toString() === "done" && !name.startsWith("unknown");
      assert.equal(code, complete ? EXIT.ok : EXIT.protocol, file);
      if (complete) assert.deepEqual(parsed(stdout), decode(stdin), file);
      digests += stdout.toString().split('"digest"').length - 1;
    }
  assert.ok(digests > 20);
});

test("an extended stream with shorter digests, as an independent decoder reads it", async (t) => {
  const file = join(scratch(t), "file");
  writeFileSync(file, noise("inspect", 500_000));
  const extended = await run(["checksum", file, "--extended", "--digest", "blake3"]);
  const { stdout } = await run(["inspect", "--json"], { stdin: extended.stdout });
  const [first, ...others] = parsed(stdout);
  assert.deepEqual(first, {
    offset: 0,
    frame: "helo",
    version: "1.0",
    digest: "blake3",
    blockSize: 131_072,
    accepts: ["raw", "xz", "zstd", "lz4"],
    end: 2 ** 53 - 1,
  });
  // Up to the frame that seals it.
  const frames = others.filter(({ frame }) => frame !== "root" && frame !== "done");
  const seal = others.find(({ frame }) => frame === "root");
  const plain = Buffer.concat([extended.stdout.subarray(0, seal?.offset), DONE]);
  assert.deepEqual(frames, decodeHashes(plain, others[0]?.offset, 32).slice(0, -1));
});

test("the deprecated frame, which has no position", async () => {
  const stdin = Buffer.concat([deprecatedHash(512, 0xab), unequalHash(0, 7), DONE]);
  assert.equal(
    (await run(["inspect"], { stdin })).stdout.toString(),
    `         0  hash  512 bytes after the block before, abababababababab...
        72  Hash  7 bytes at 0, eeeeeeeeeeeeeeee...
       152  done
`,
  );
  const { stdout } = await run(["inspect", "--json"], { stdin });
  assert.deepEqual(parsed(stdout), decodeHashes(stdin));
});

test("payloads of the largest size, more than is in memory at a time, whole and cut off", async () => {
  const largest = 16 * 1024 * 1024;
  const payload = Buffer.alloc(largest, "done");
  const stdin = Buffer.concat([dataFrame(1, payload), dlzmFrame(2, payload), DONE]);
  const lines = [
    { offset: 0, frame: "data", position: 1, length: largest },
    { offset: 16 + largest, frame: "dlzm", position: 2, length: largest },
    { offset: 2 * (16 + largest), frame: "done" },
  ];
  const whole = await run(["inspect", "--json"], { stdin });
  assertSucceeded(whole);
  assert.deepEqual(parsed(whole.stdout), lines);
  const cut = await run(["inspect", "--json"], { stdin: stdin.subarray(0, -5) });
  const size = 16 + largest;
  const words = new RegExp(`block data .*at byte ${size} \\(${size - 1} of ${size} bytes\\)`);
  assertFailed(cut, EXIT.protocol, "inspect", words);
  assert.deepEqual(parsed(cut.stdout), lines.slice(0, 1));
});

test("frames on both sides of what is in memory at a time", async () => {
  const payloads = Array.from({ length: 300 }, (_, i) => Buffer.alloc(1 + ((i * 7919) % 4000)));
  const frames = payloads.map((payload, i) => dataFrame(i, payload));
  const hashes = Array.from({ length: 9000 }, (_, i) => unequalHash(i, 1));
  for (const stream of [frames, hashes]) {
    const { stdout } = await run(["inspect", "--json"], {
      stdin: Buffer.concat([...stream, DONE]),
    });
    let offset = 0;
    for (const line of parsed(stdout)) {
      assert.equal(line.offset, offset);
      if (line.frame !== "done") offset += stream[line.position ?? 0]?.length ?? NaN;
    }
    assert.equal(offset, Buffer.concat(stream).length);
  }
});

for (const [name, frames] of [
  ["hash", hashFrames],
  ["block", blockFrames],
] as const)
  test(`a ${name} stream cut at every byte is shown up to there`, async (t) => {
    const folder = scratch(t);
    const all = Buffer.concat(frames);
    const starts = frames.map((_, i) => Buffer.concat(frames.slice(0, i)).length);
    for (let cut = 0; cut < all.length; cut++) {
      const file = join(folder, String(cut));
      writeFileSync(file, all.subarray(0, cut));
      const whole = frames.filter((frame, i) => (starts[i] ?? 0) + frame.length <= cut).length;
      const where = new RegExp(`(at byte|after) ${starts[whole]}\\b`);
      const offsets = (list: readonly { offset: number }[]): void =>
        assert.deepEqual(
          list.map(({ offset }) => offset),
          starts.slice(0, whole),
          `${cut}`,
        );
      const { frames: found, fault } = await framesIn(file);
      assert.match(fault?.message ?? "", where);
      offsets(found);
      // The whole program where a frame begins, and next to that.
      if (![-1, 0, 1].some((near) => starts.includes(cut + near))) continue;
      const outcome = await run(["inspect", "--json", file]);
      assertFailed(outcome, EXIT.protocol, "inspect", where);
      offsets(parsed(outcome.stdout));
    }
  });

test("a damaged stream: what is sound is shown", async () => {
  const stdin = Buffer.concat([...blockFrames.slice(0, 2), Buffer.from("what")]);
  const outcome = await run(["inspect", "--json"], { stdin });
  assertFailed(outcome, EXIT.protocol, "inspect", /b'what', at byte 37 /);
  assert.equal(parsed(outcome.stdout).length, 2);
});

test("a reader that leaves early is no failure to speak of", async (t) => {
  const file = join(scratch(t), "hashes");
  writeFileSync(file, Buffer.concat([...Array<Buffer>(50_000).fill(unequalHash(0, 1)), DONE]));
  const script = `${blockcopy("inspect", file)} | head -n 1 > /dev/null; exit "\${PIPESTATUS[0]}"`;
  const { code, stderr } = await bash(script);
  assert.deepEqual({ code, stderr }, { code: EXIT.readerGone, stderr: "" });
});

test("a file that is missing, or a folder", async () => {
  assertFailed(await run(["inspect", "/nowhere/x"]), EXIT.missing, "inspect", /ENOENT/);
  assertFailed(await run(["inspect", "/"]), EXIT.usage, "inspect", /EISDIR/);
});

test("any bytes: shown, or a protocol error", async (t) => {
  const file = join(scratch(t), "any");
  const part = fc.oneof(
    fc.constantFrom<Uint8Array>(...hashFrames, ...blockFrames),
    fc.uint8Array({ maxLength: 40 }),
  );
  const any = fc.array(part, { maxLength: 6 }).map((parts) => Buffer.concat(parts));
  const read = fc.asyncProperty(any, async (bytes) => {
    writeFileSync(file, bytes);
    await framesIn(file);
  });
  await fc.assert(read, { numRuns: 500 });
  const shown = fc.asyncProperty(any, async (stdin) => {
    const { code, stderr, stdout } = await run(["inspect", "--json"], { stdin });
    assert.ok(code === EXIT.ok || code === EXIT.protocol, `${code} ${lastLine(stderr)}`);
    parsed(stdout);
  });
  await fc.assert(shown, { numRuns: 6 });
});
