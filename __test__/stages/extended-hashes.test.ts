// The extended hash stream: a hello, then digests of the algorithm that it names.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { blake3, pattern } from "../support/wire/blake3.ts";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertCopied,
  assertSucceeded,
  bash,
  blockcopy,
  pipeline,
  quote,
  run,
  type Outcome,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { copied, extents, type Range } from "../support/wire/copy-model.ts";
import { asking, readBlockStream, sealed } from "../support/wire/records.ts";
import { rootOf, sha3Digests } from "../support/wire/root-digest.ts";
import { lacking } from "../support/programs/tools.ts";
import {
  applyBlocks,
  decodeBlocks,
  DONE,
  hashStream,
  hello,
  sha3,
  unequalHash,
  type Digest,
} from "../support/wire/frames.ts";
import { untilDone } from "../support/wire/trailer.ts";

/** The algorithms by name, with the options that choose them and what they make of a block. */
const ALGORITHMS: { name: string; options: string[]; digest: Digest; digestLength: number }[] = [
  { name: "sha3-512", options: ["--extended"], digest: sha3, digestLength: 64 },
  {
    name: "blake3",
    options: ["--extended", "--digest", "blake3"],
    digest: blake3,
    digestLength: 32,
  },
];

/** Five blocks, each with a BLAKE3 digest that is known, as has every range of them that the tests take. */
const content = Buffer.concat([
  ...[0, 1, 0, 2].map((shift) => pattern(BLOCK, shift)),
  pattern(102_400),
]);

const ranges: (Range & { options: string[] })[] = [
  { start: 0, options: [] },
  { start: 2 * BLOCK, options: ["--start", "256K"] },
  { start: 0, end: 2 * BLOCK + 1023, options: ["--end", String(2 * BLOCK + 1023)] },
  {
    start: BLOCK,
    end: 2 * BLOCK + 1025,
    options: ["--start", "256s", "--end", String(2 * BLOCK + 1025)],
  },
  { start: 4 * BLOCK, end: 4 * BLOCK + 1, options: ["--start", "512K", "--end", "524289"] },
];

/** The end that a hello names if the stream asks for all of the source. */
const ALL = 2 ** 53 - 1;

function file(t: TestContext, bytes: Buffer): string {
  const path = join(scratch(t), "file");
  writeFileSync(path, bytes);
  return path;
}

/** The output of `checksum --extended` for `bytes`: with a root digest where that is known. */
function stream(
  { name, digest, digestLength }: (typeof ALGORITHMS)[number],
  bytes: Buffer,
  limits: Range & { rest?: boolean } = { start: 0 },
): Buffer {
  const plain = hashStream(bytes, { ...limits, digest });
  const whole = limits.start === 0 && limits.end === undefined && limits.rest === undefined;
  const digests = Array.from({ length: Math.ceil(bytes.length / BLOCK) }, (_, i) =>
    digest(bytes.subarray(i * BLOCK, (i + 1) * BLOCK)),
  );
  const root = { hex: rootOf(bytes.length, name, digests), digest: name };
  const end = limits.end ?? (limits.rest === false ? undefined : ALL);
  return sealed(asking(name, { end }), plain, digestLength, whole ? root : undefined);
}

/** The block stream that answers `hashes`, applied to `destination`, with where its frames lie. */
async function answered(
  source: string,
  hashes: Buffer,
): Promise<{ outcome: Outcome; frames: ReturnType<typeof decodeBlocks>["frames"] }> {
  const outcome = await run(["retrieve", source], { stdin: hashes });
  assertSucceeded(outcome);
  const { frames, done } = decodeBlocks(outcome.stdout);
  assert.ok(done);
  return { outcome, frames };
}

for (const algorithm of ALGORITHMS) {
  const { name, options, digest, digestLength } = algorithm;
  for (const { options: range, ...limits } of ranges) {
    test(`${name}: the stream of a file ${range.join(" ")}`, async (t) => {
      const outcome = await run(["checksum", file(t, content), ...options, ...range]);
      assertSucceeded(outcome);
      assertSame(outcome.stdout, stream(algorithm, content, limits), "the stream");
    });
  }

  test(`${name}: the stream of an empty file`, async (t) => {
    const outcome = await run(["checksum", file(t, Buffer.alloc(0)), ...options]);
    assertSucceeded(outcome);
    assertSame(outcome.stdout, stream(algorithm, Buffer.alloc(0)), "the stream");
  });

  test(`${name}: the stream of a pipe, and of a file as standard input`, async (t) => {
    const piped = stream(algorithm, content, { start: 0, rest: false });
    for (const stdin of name === "blake3" ? ["-"] : ["-", "/dev/stdin"]) {
      const outcome = await run(["checksum", ...options, stdin], { stdin: content });
      assertSucceeded(outcome);
      assertSame(outcome.stdout, piped, "the stream");
    }
    const part = await run(["checksum", ...options, "-", "--end", "1K"], { stdin: content });
    assertSucceeded(part);
    assertSame(part.stdout, stream(algorithm, content, { start: 0, end: 1024 }), "the stream");
    const redirected = await bash(
      `${blockcopy("checksum", "-", ...options)} < ${quote([file(t, content)])} | cat`,
    );
    assertSucceeded(redirected);
    assertSame(redirected.stdout, stream(algorithm, content), "the stream");
  });

  test(`${name}: retrieve finds every block that has a single other bit`, async (t) => {
    const hashes = Buffer.concat([hello(name), hashStream(content, { digest })]);
    const last = 4 * BLOCK;
    for (const [at, bit, block] of [
      [0, 0, 0],
      [BLOCK - 1, 7, 0],
      [2 * BLOCK + 1024, 0, 2 * BLOCK],
      [content.length - 1, 7, last],
    ] as const) {
      const source = Buffer.from(content);
      source[at] = (source[at] ?? 0) ^ (1 << bit);
      const { frames } = await answered(file(t, source), hashes);
      assert.deepEqual(
        frames.map(({ position }) => position),
        [block],
        `bit ${bit} of the byte at ${at}`,
      );
      assert.ok(applyBlocks(content, frames).equals(source));
    }
    const { outcome } = await answered(file(t, content), hashes);
    assert.deepEqual(untilDone(outcome.stdout), DONE);
  });

  const skip = lacking("python3");
  test(`${name}: retrieve reads a stream whose bytes come one by one`, { skip }, async (t) => {
    const source = Buffer.from(content);
    source[BLOCK] = 0xff;
    const hashes = Buffer.concat([hello(name), hashStream(content, { digest })]);
    const slowly =
      "import os, sys\nfor byte in open(sys.argv[1], 'rb').read(): os.write(1, bytes([byte]))";
    const script = quote(["python3", "-c", slowly, file(t, hashes)]);
    const outcome = await bash(`${script} | ${blockcopy("retrieve", file(t, source))}`);
    assertSucceeded(outcome);
    const { frames, done } = decodeBlocks(outcome.stdout);
    assert.ok(done);
    assert.deepEqual(
      frames.map(({ position }) => position),
      [BLOCK],
    );
  });

  test(`${name}: retrieve reads more frames than it takes at once`, async (t) => {
    const source = noise("many", 3 * BLOCK);
    const wrong = Array.from({ length: 3000 }, (_, i) => unequalHash(i * 100, 100, digestLength));
    const path = file(t, source);
    const { frames } = await answered(path, Buffer.concat([hello(name), ...wrong, DONE]));
    assert.equal(frames.length, 3000);
    assert.ok(applyBlocks(Buffer.alloc(0), frames).equals(source.subarray(0, 300_000)));
  });

  const copies: [what: string, source: Buffer, destination: Buffer, range: Range][] = [
    ["with a short last block", ...changed(5 * BLOCK + 77, 5 * BLOCK + 77), { start: 0 }],
    ["of equal files", noise("equal", 2 * BLOCK), noise("equal", 2 * BLOCK), { start: 0 }],
    ["to an empty destination", noise("new", 3 * BLOCK + 1), Buffer.alloc(0), { start: 0 }],
    ["of a longer source", ...changed(5 * BLOCK + 3, 2 * BLOCK + 9), { start: 0 }],
    ["of a shorter source", ...changed(2 * BLOCK + 9, 5 * BLOCK + 3), { start: 0 }],
    ["of a single byte", Buffer.of(1), Buffer.of(2), { start: 0 }],
    [
      "of more than a batch, in a range",
      ...changed(70 * BLOCK + 77, 71 * BLOCK + 77),
      { start: 12_345, end: 70 * BLOCK },
    ],
    ["from an offset on", ...changed(6 * BLOCK, 4 * BLOCK), { start: BLOCK + 1 }],
  ];
  for (const [place, [what, source, destination, range]] of copies.entries()) {
    // Each copy is made with one of the algorithms, and half of them with --lzma.
    if ((place % 2 === 0) !== (name === "blake3")) continue;
    const xz = place % 4 < 2 ? ["--lzma"] : [];
    test(`${name}: a copy ${what} ${xz.join()}`, async (t) => {
      const folder = scratch(t);
      const [from, to] = [join(folder, "source"), join(folder, "destination")];
      writeFileSync(from, source);
      writeFileSync(to, destination);
      const { start, end } = range;
      const limits = ["--start", `${start}`, ...(end === undefined ? [] : ["--end", `${end}`])];
      assertCopied(
        await pipeline({
          source: from,
          destination: to,
          checksum: [...options, ...limits],
          retrieve: xz,
        }),
      );
      assert.ok(readFileSync(to).equals(copied(source, destination, range)));
      assert.ok(readFileSync(from).equals(source));
    });
  }

  test(`${name}: only what differs travels`, async (t) => {
    const [source, destination] = changed(5 * BLOCK + 3, 4 * BLOCK + 9);
    const hashes = await run(["checksum", file(t, destination), ...options]);
    assertSucceeded(hashes);
    const { stdout } = await run(["retrieve", file(t, source)], { stdin: hashes.stdout });
    assert.deepEqual(
      readBlockStream(stdout).records.map(({ position, block: length }) => ({ position, length })),
      extents(source, destination, { start: 0 }, BLOCK, true),
    );
  });

  test(`${name}: a copy whose destination is read from a pipe`, async (t) => {
    const [source, destination] = changed(5 * BLOCK + 77, 5 * BLOCK + 77);
    const [from, to] = [file(t, source), file(t, destination)];
    const stages = [
      `cat ${quote([to])}`,
      blockcopy("checksum", "-", ...options),
      blockcopy("retrieve", from),
      blockcopy("save", to),
    ];
    assertSucceeded(await bash(`set -o pipefail; ${stages.join(" | ")}`));
    assert.ok(readFileSync(to).equals(source));
  });
}

/** A source and a destination that have most bytes in common. */
function changed(sourceLength: number, destinationLength: number): [Buffer, Buffer] {
  const common = noise("common", Math.max(sourceLength, destinationLength));
  const destination = Buffer.from(common.subarray(0, destinationLength));
  for (const at of [0, BLOCK, 2 * BLOCK - 1, destinationLength - 1])
    destination[at] = (destination[at] ?? 0) ^ 1;
  return [common.subarray(0, sourceLength), destination];
}

test("with SHA3-512 its frames are those of the legacy stream", async (t) => {
  const bytes = noise("plain", 3 * BLOCK + 5);
  const path = file(t, bytes);
  const plain = await run(["checksum", path]);
  const named = await run(["checksum", path, "--digest", "sha3-512"]);
  const extended = await run(["checksum", path, "--extended"]);
  const both = await run(["checksum", path, "--extended", "--digest=sha3-512"]);
  for (const outcome of [plain, named, extended, both]) assertSucceeded(outcome);
  assertSame(named.stdout, plain.stdout);
  const root = { hex: rootOf(bytes.length, "sha3-512", sha3Digests(bytes)), digest: "sha3-512" };
  assertSame(extended.stdout, sealed(asking("sha3-512", { end: ALL }), plain.stdout, 64, root));
  assertSame(both.stdout, extended.stdout);
});
