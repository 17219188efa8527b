// Ways to compress that are refused, by who would be asked for them.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertFailed, assertSucceeded, EXIT, run } from "../support/programs/cli.ts";
import { scratch, text } from "../support/files/files.ts";
import { asking, readBlockStream, sealed } from "../support/wire/records.ts";
import { DONE, hello, restFrame } from "../support/wire/frames.ts";

const ALL = Buffer.concat([restFrame(0), DONE]);

function source(t: TestContext): string {
  const path = join(scratch(t), "source");
  writeFileSync(path, text(1, 50_000));
  return path;
}

const VALUES = [
  "zstd:0",
  "zstd:20",
  "zstd:-1",
  "zstd:3.5",
  "zstd:3:3",
  "zstd:",
  "zstd: 3",
  "zstd:٣",
];
const OTHERS = [
  "lz4:1",
  "none:1",
  "auto:2",
  "lzma:10",
  "lzma:6e",
  "ZSTD",
  "gzip",
  "",
  "toString",
  "xz",
  "raw",
];
for (const [place, value] of [...VALUES, ...OTHERS].entries())
  test(`--compress '${value}'`, async (t) => {
    // It is refused before the stream is read, so the kinds of stream take turns.
    const stdin = place % 2 === 0 ? ALL : sealed(asking("blake3"), ALL, 32);
    const outcome = await run(["retrieve", source(t), `--compress=${value}`], { stdin });
    assertFailed(outcome, EXIT.usage, "retrieve", /zstd:1 to zstd:19/, /auto/);
    assert.equal(outcome.stdout.length, 0);
  });

test("--lzma with --compress, and --compress twice", async (t) => {
  for (const value of ["lzma", "none", "zstd"]) {
    const outcome = await run(["retrieve", source(t), "--lzma", "--compress", value], {
      stdin: ALL,
    });
    assertFailed(outcome, EXIT.usage, "retrieve", /--lzma and --compress/, /leave one of them out/);
    assert.equal(outcome.stdout.length, 0);
  }
});

for (const method of ["zstd", "zstd:19", "lz4"])
  test(`--compress ${method} is nothing that blockcopy 0.0.2 reads`, async (t) => {
    for (const stdin of [ALL, DONE, Buffer.concat([hello("blake3"), ALL])]) {
      const outcome = await run(["retrieve", source(t), "--compress", method], { stdin });
      const name = method.split(":")[0] ?? method;
      assertFailed(
        outcome,
        EXIT.usage,
        "retrieve",
        new RegExp(name),
        /add --extended to `blockcopy checksum`.*--compress lzma/,
      );
      assert.equal(outcome.stdout.length, 0);
    }
  });

test("a reader that knows only some codecs gets no others", async (t) => {
  const path = source(t);
  const only = (accepts: string): Buffer => sealed(asking("sha3-512", { accepts }), ALL, 64);
  for (const [method, accepts, codec] of [
    ["zstd", "raw zstd", "zstd"],
    ["lzma", "raw xz brotli", "xz"],
    ["none", "raw", "raw"],
    ["auto", "raw lz4", "lz4"],
    ["auto", "raw", "raw"],
  ] as const) {
    const outcome = await run(["retrieve", path, "--compress", method], { stdin: only(accepts) });
    assertSucceeded(outcome);
    assert.deepEqual(
      readBlockStream(outcome.stdout).records.map((record) => record.codec),
      [codec],
    );
  }
  for (const [method, accepts] of [
    ["zstd", "raw xz lz4"],
    ["lz4", "raw zstd lz4hc"],
    ["lzma", "raw"],
  ] as const) {
    const outcome = await run(["retrieve", path, "--compress", method], { stdin: only(accepts) });
    assertFailed(
      outcome,
      EXIT.usage,
      "retrieve",
      new RegExp(`does not know ${method}; use one of`),
    );
    assert.equal(outcome.stdout.length, 0);
  }
});
