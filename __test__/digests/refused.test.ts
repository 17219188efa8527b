// Digests that are not those of the destination, and files that hold none: refused, and nothing is written.
import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { encodeDone, encodeHashFrames, encodeRest } from "../../src/protocol/hash-stream/frames.ts";
import { HashDecoder } from "../../src/protocol/hash-stream/decoder.ts";
import { encodeHello } from "../../src/protocol/hash-stream/hello.ts";
import { Seal } from "../../src/protocol/seal.ts";
import { hashes } from "../support/files/cache.ts";
import { assertFailed, EXIT, run, type Outcome } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { dataFrame, DONE, sha3 } from "../support/wire/frames.ts";
import { system } from "../support/programs/tools.ts";

const SIZE = 3 * BLOCK + 5;

/** A destination with what is kept of it. */
async function kept(
  t: TestContext,
  options: readonly string[] = [],
): Promise<{ folder: string; destination: string; cache: string }> {
  const folder = scratch(t);
  const [destination, cache] = [join(folder, "destination"), join(folder, "cache")];
  writeFileSync(destination, noise(1, SIZE));
  writeFileSync(cache, await hashes(destination, options));
  return { folder, destination, cache };
}

function cached(cache: string, file: string, ...options: string[]): Promise<Outcome> {
  return run(["checksum", "--extended", "--cached", cache, file, ...options]);
}

test("another file, and a file that was changed in any way", async (t) => {
  const { folder, destination, cache } = await kept(t);
  const other = join(folder, "other");
  copyFileSync(destination, other);
  const found = await cached(cache, other);
  const message =
    /cache does not hold the digests of .*other, but of another file or device; give this destination's own/;
  assertFailed(found, EXIT.otherDestination, "checksum", message);
  assert.equal(found.stdout.length, 0);
  const content = readFileSync(destination);
  const changes = {
    "the same bytes again": () => writeFileSync(destination, content),
    "longer and as before": () => {
      truncateSync(destination, SIZE + 1);
      truncateSync(destination, SIZE);
    },
    "its times": () => utimesSync(destination, 1e9, 1e9),
    "another of the same name": () => {
      copyFileSync(destination, other);
      renameSync(other, destination);
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    writeFileSync(cache, await hashes(destination));
    system("sleep", "0.02");
    change();
    const outcome = await cached(cache, destination);
    assertFailed(
      outcome,
      EXIT.otherDestination,
      "checksum",
      /as it is now: the file was written to since|another file or device/,
    );
    assert.equal(outcome.stdout.length, 0, what);
  }
});

test("digests of another algorithm or block size than was asked for", async (t) => {
  const { destination, cache } = await kept(t, ["--digest", "blake3", "--block-size", "4K"]);
  for (const options of [
    ["--digest", "sha3-512"],
    ["--block-size", "128K"],
    ["--digest", "blake3", "--block-size", "8K"],
  ]) {
    const outcome = await cached(cache, destination, ...options);
    const message = /has blake3 digests of blocks of 4096 bytes; leave out --digest/;
    assertFailed(outcome, EXIT.otherDestination, "checksum", message);
  }
  const same = await cached(cache, destination, "--digest", "blake3", "--block-size", "4K");
  assert.equal(same.code, EXIT.ok);
});

test("one that was cut off or damaged anywhere", async (t) => {
  const { destination, cache } = await kept(t, ["--block-size", "64K"]);
  const whole = readFileSync(cache);
  for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 7)) {
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    for (const bytes of [flipped, whole.subarray(0, at)]) {
      writeFileSync(cache, bytes);
      const outcome = await cached(cache, destination);
      assertFailed(
        outcome,
        EXIT.otherDestination,
        "checksum",
        /cache (holds|does not|is not|lacks)/,
      );
      assert.equal(outcome.stdout.length, 0, `at ${at}`);
    }
  }
});

test("one whose root is not that of its digests, or whose blocks are not whole", async (t) => {
  const { folder, destination, cache } = await kept(t);
  const other = join(folder, "other");
  writeFileSync(other, noise(2, SIZE));
  const [bytes, strange] = [readFileSync(cache), await hashes(other)];
  const spliced = [
    bytes.subarray(0, bytes.indexOf("Hash")),
    strange.subarray(strange.indexOf("Hash")),
  ];
  writeFileSync(cache, Buffer.concat(spliced));
  const outcome = await cached(cache, destination);
  assertFailed(
    outcome,
    EXIT.otherDestination,
    "checksum",
    /does not have the root digest that it names/,
  );

  const decoder = new HashDecoder();
  decoder.decode(bytes, 0);
  const { hello } = decoder;
  assert.ok(hello);
  const seal = new Seal();
  const whole = readFileSync(destination);
  const frames = [
    encodeHashFrames(0, 2 * BLOCK, 2 * BLOCK, sha3(whole.subarray(0, 2 * BLOCK))),
    encodeHashFrames(2 * BLOCK, SIZE - 2 * BLOCK, SIZE, sha3(whole.subarray(2 * BLOCK))),
    encodeRest(SIZE),
  ];
  for (const frame of frames) seal.add(frame);
  const forged = [encodeHello(hello), ...frames, seal.encode(undefined), encodeDone()];
  writeFileSync(cache, Buffer.concat(forged));
  assertFailed(
    await cached(cache, destination),
    EXIT.otherDestination,
    "checksum",
    /lacks the digests/,
  );
});

test("with options that are for a part, for the root, or for blockcopy 0.0.2", async (t) => {
  const { destination, cache } = await kept(t);
  const map = join(scratch(t), "map");
  writeFileSync(map, "0 1");
  for (const options of [
    ["--extended", "--start", "0"],
    ["--extended", "--end", "5"],
    ["--extended", "--ranges", map],
    ["--root"],
    [],
  ]) {
    const outcome = await run(["checksum", "--cached", cache, destination, ...options]);
    assertFailed(outcome, EXIT.usage, "checksum", /--(start|end|ranges|cached)/);
    assert.equal(outcome.stdout.length, 0);
  }
  const piped = await run(["checksum", "--extended", "--cached", cache, "-"], { stdin: DONE });
  assertFailed(piped, EXIT.usage, "checksum", /--cached cannot be used on a pipe/);
});

test("a file that holds none is left as it is, and so is the destination", async (t) => {
  const { folder, destination, cache } = await kept(t);
  const [content, whole] = [readFileSync(destination), readFileSync(cache)];
  const named = (name: string): string => join(folder, name);
  writeFileSync(named("text"), "precious\n");
  writeFileSync(named("empty"), "");
  writeFileSync(named("cut"), whole.subarray(0, 100));
  writeFileSync(named("part"), (await run(["checksum", "--extended", destination])).stdout);
  writeFileSync(named("blocks"), Buffer.concat([dataFrame(0, content.subarray(0, 5)), DONE]));
  mkdirSync(named("folder"));
  system("mkfifo", named("pipe"));
  symlinkSync(cache, named("link"));
  const expected: Record<string, [number, RegExp]> = {
    text: [EXIT.otherDestination, /text holds no digests.*; give the name of a file/],
    empty: [
      EXIT.otherDestination,
      /empty does not hold the digests of all.*; give the name of a file/,
    ],
    cut: [EXIT.otherDestination, /cut does not hold/],
    part: [EXIT.otherDestination, /part does not hold/],
    blocks: [EXIT.otherDestination, /blocks holds no digests/],
    folder: [EXIT.usage, /folder is not a regular file/],
    pipe: [EXIT.usage, /pipe is not a regular file/],
    link: [EXIT.usage, /link is a symbolic link/],
    destination: [EXIT.usage, /destination is the destination/],
    "text/beneath": [EXIT.missing, /text\/beneath/],
    "missing/cache": [EXIT.usage, /the folder \S+\/missing, .*does not exist; make it \(`mkdir /],
    "../../../../dev/null": [EXIT.usage, /null is not a regular file/],
  };
  const before = readdirSync(folder).toSorted();
  const stdin = Buffer.concat([dataFrame(0, Buffer.from("new")), DONE]);
  for (const [name, [code, message]] of Object.entries(expected)) {
    const path = name.startsWith("..") ? "/dev/null" : named(name);
    const saved = await run(["save", "--update-digests", path, destination], { stdin });
    assertFailed(saved, code, "save", message);
    assert.ok(readFileSync(destination).equals(content), `${name}: something was written`);
    if (["link", "missing/cache", "destination", "text/beneath"].includes(name)) continue;
    assertFailed(await cached(path, destination), code, "checksum", message);
  }
  assert.deepEqual(readdirSync(folder).toSorted(), before);
  assert.equal(readFileSync(named("text"), "utf8"), "precious\n");
  assert.ok(readFileSync(cache).equals(whole));
  rmSync(cache);
  const missing = await cached(cache, destination);
  assert.match(
    missing.stderr,
    /^WARNING \(checksum\): .*cache does not exist: reading all of .*\n$/,
  );
  assert.equal(missing.code, EXIT.ok);
  assert.ok(missing.stdout.equals((await run(["checksum", "--extended", destination])).stdout));
});
