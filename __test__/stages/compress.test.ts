// Streams of `retrieve --compress`: the destination becomes equal with every method.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertCopied,
  assertSucceeded,
  EXIT,
  lastLine,
  pipeline,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch, text, writeSparse } from "../support/files/files.ts";
import { copied, type Extent, extents, merged } from "../support/wire/copy-model.ts";
import { readBlockStream, type FoundRecord } from "../support/wire/records.ts";
import { afterDone, readTail, untilDone } from "../support/wire/trailer.ts";
import { decodeBlocks, DONE, hashStream, restFrame } from "../support/wire/frames.ts";

const METHODS = ["none", "lz4", "zstd", "zstd:1", "lzma", "auto"];
const DIGESTS = ["sha3-512", "blake3"];
const BLOCK_SIZES = { "4K": 4096, "128K": BLOCK, "1M": 1 << 20 };

/** Text, noise and zeros, each longer than the largest block but one. */
const MIXED = Buffer.concat([
  text(1, 300_001),
  Buffer.alloc(1_500_000),
  noise(2, 400_000),
  text(3, 700_077),
  Buffer.alloc(5000),
]);

/** `bytes` with some changes. */
function changed(bytes: Buffer): Buffer {
  const result = Buffer.from(bytes);
  for (const at of [0, 250_000, 900_000, 1_900_000, bytes.length - 1])
    if (at >= 0 && at < bytes.length) result[at] = (result[at] ?? 0) ^ 0x10;
  return result;
}

const SHAPES: [what: string, source: Buffer, destination: Buffer][] = [
  ["with changes", MIXED, changed(MIXED)],
  ["to an empty destination", MIXED, Buffer.alloc(0)],
  ["of an empty source", Buffer.alloc(0), text(9, 5000)],
  ["of a longer source", MIXED, changed(MIXED).subarray(0, 1_234_567)],
  ["of a shorter source", MIXED.subarray(0, 1_900_001), changed(MIXED)],
  ["of one byte", Buffer.of(0), Buffer.of(1)],
  ["of equal files", MIXED, MIXED],
];

for (const [place, method] of METHODS.entries())
  for (const [digestPlace, digest] of DIGESTS.entries())
    for (const [sizePlace, [blockSize, bytes]] of Object.entries(BLOCK_SIZES).entries()) {
      // Each method, and each pair of digest and block size, comes once: the codecs know neither digests nor what else is in a batch.
      if (place % 2 !== digestPlace || place % 3 !== sizePlace) continue;
      test(`--compress ${method}, ${digest}, blocks of ${blockSize}`, async (t) => {
        const folder = scratch(t);
        const shapes = SHAPES.filter((_, index) => index === 0 || index % 3 === place % 3);
        for (const [what, source, destination] of shapes) {
          const [from, to] = [join(folder, `${what} from`), join(folder, `${what} to`)];
          writeSparse(from, source);
          writeSparse(to, destination);
          const checksum = ["--extended", "--digest", digest, "--block-size", blockSize];
          const retrieve = ["--compress", method];
          assertCopied(await pipeline({ source: from, destination: to, checksum, retrieve }));
          assertSame(readFileSync(to), copied(source, destination, { start: 0 }), what);
          if (what !== "with changes") continue;
          const stdin = (await run(["checksum", file(t, destination), ...checksum])).stdout;
          const { records } = await answered(from, stdin, retrieve);
          assert.deepEqual(
            covered(records),
            merged(extents(source, destination, { start: 0 }, bytes)),
          );
        }
      });
    }

function file(t: TestContext, bytes: Buffer): string {
  const path = join(scratch(t), "file");
  writeFileSync(path, bytes);
  return path;
}

/** The extended block stream that answers `stdin`, taken apart. */
async function answered(
  source: string,
  stdin: Buffer,
  options: readonly string[],
): Promise<ReturnType<typeof readBlockStream> & { length: number }> {
  const outcome = await run(["retrieve", source, ...options], { stdin });
  assertSucceeded(outcome);
  return { ...readBlockStream(outcome.stdout), length: outcome.stdout.length };
}

/** The extents of the records. */
function covered(records: readonly FoundRecord[]): Extent[] {
  return merged(records.map(({ position, block }) => ({ position, length: block })));
}

/** The hash stream of nothing, which asks for all of the source in an extended answer. */
async function nothing(t: TestContext, ...options: string[]): Promise<Buffer> {
  return (await run(["checksum", "--extended", ...options, file(t, Buffer.alloc(0))])).stdout;
}

const CODEC_OF = { lz4: "lz4", zstd: "zstd", "zstd:19": "zstd", lzma: "xz" };

for (const [method, codec] of Object.entries(CODEC_OF))
  test(`--compress ${method}: what gets smaller is compressed, what does not goes as it is`, async (t) => {
    const content = Buffer.concat([text(1, BLOCK), noise(1, BLOCK), text(2, 777), noise(2, 300)]);
    const source = file(t, content);
    const { records, length } = await answered(source, await nothing(t), ["--compress", method]);
    assert.deepEqual(
      records.map((record) => record.codec),
      [codec, "raw", codec],
    );
    assert.ok(length < 2 * BLOCK, `${length} bytes`);
    for (const { codec: used, payload, block, position } of records)
      if (used === "raw") assertSame(payload ?? DONE, content.subarray(position, position + block));
      else assert.ok((payload?.length ?? block) < block);
  });

test("zeros travel as runs of up to 16 MiB, whatever the method", async (t) => {
  const source = join(scratch(t), "source");
  const size = 33 * 1024 * 1024 + 5;
  writeSparse(source, Buffer.alloc(size));
  for (const method of ["none", "auto"]) {
    const { records, length } = await answered(source, await nothing(t), ["--compress", method]);
    assert.ok(records.every(({ codec }) => codec === undefined));
    assert.deepEqual(covered(records), [{ position: 0, length: size }]);
    assert.ok(length < 2000, `${length} bytes`);
  }
});

test("a higher level of zstd makes the stream smaller", async (t) => {
  const words = noise("words", 4096).toString("latin1");
  const picks = noise("picks", 400_000);
  const source = file(
    t,
    Buffer.concat(
      Array.from(picks, (pick) => Buffer.from(words.slice(pick * 9, pick * 9 + 9), "latin1")),
    ),
  );
  const lengths: number[] = [];
  for (const method of ["none", "zstd:1", "zstd:19"])
    lengths.push((await answered(source, await nothing(t), ["--compress", method])).length);
  const [none = 0, low = 0, high = 0] = lengths;
  assert.ok(high < low && low < none, lengths.join(" > "));
});

test("without --extended: lzma is --lzma, byte for byte", async (t) => {
  const content = Buffer.concat([text(1, 3 * BLOCK), noise(1, BLOCK), Buffer.alloc(BLOCK)]);
  const source = file(t, content);
  const stdin = hashStream(noise(7, 2 * BLOCK));
  for (const wire of ["", "0.0.2"]) {
    const env = { BLOCKCOPY_WIRE: wire };
    const old = await run(["retrieve", source, "--lzma"], { stdin, env });
    const named = await run(["retrieve", source, "--compress", "lzma"], { stdin, env });
    assertSucceeded(old);
    assertSucceeded(named);
    assertSame(untilDone(named.stdout), untilDone(old.stdout));
    assert.equal(afterDone(named.stdout).length > 0, wire === "");
    if (wire === "") assert.ok(readTail(afterDone(named.stdout)).sound);
    assert.ok(decodeBlocks(named.stdout).frames.some(({ command }) => command === "dlzm"));
  }
});

test("without --extended: auto and none send frames that blockcopy 0.0.2 has", async (t) => {
  const content = Buffer.concat([text(1, 3 * BLOCK), noise(1, BLOCK)]);
  const [source, to] = [file(t, content), file(t, Buffer.alloc(0))];
  const stdin = Buffer.concat([restFrame(0), DONE]);
  for (const method of ["auto", "none"]) {
    const { stdout } = await run(["retrieve", source, "--compress", method], { stdin });
    const { frames, done } = decodeBlocks(stdout);
    assert.ok(done);
    if (method === "none") assert.ok(frames.every(({ command }) => command === "data"));
    writeFileSync(to, "");
    assertSucceeded(await run(["save", to], { stdin: stdout }));
    assertSame(readFileSync(to), content);
  }
});

test("with BLOCKCOPY_WIRE=0.0.2 the answer to a legacy stream has no trailer", async (t) => {
  const source = file(t, text(1, BLOCK));
  const stdin = Buffer.concat([restFrame(0), DONE]);
  const env = { BLOCKCOPY_WIRE: "0.0.2" };
  for (const method of ["lzma", "auto"]) {
    const { code, stdout } = await run(["retrieve", source, "--compress", method], { stdin, env });
    assert.equal(code, EXIT.ok);
    assert.equal(afterDone(stdout).length, 0);
  }
});

test("with -v auto says what it chose", async (t) => {
  const source = join(scratch(t), "source");
  // Takes xz or a high level of zstd long enough for a choice: the reader is quick.
  writeFileSync(source, Buffer.alloc(32 * 1024 * 1024, text(1, 4 * 1024 * 1024)));
  const stdin = await nothing(t);
  const slow = await run(["retrieve", "-v", source, "--compress", "auto"], { stdin });
  assert.equal(slow.code, EXIT.ok);
  assert.doesNotMatch(lastLine(slow.stderr), /ERROR/);
  const { records } = readBlockStream(slow.stdout);
  const chosen = slow.stderr.match(/compressing with \S+/g) ?? [];
  const codecs = new Set(records.map(({ codec }) => codec));
  assert.ok(codecs.has("lz4"), "it begins with lz4");
  assert.equal(chosen[0], "compressing with lz4");
  assert.equal(codecs.size > 1, chosen.length > 1, slow.stderr);
});
