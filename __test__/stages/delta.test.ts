// Hash and block streams that are kept in files: made of one destination, at another time than they are used.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  EXIT,
  type Outcome,
  quote,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch, text } from "../support/files/files.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import {
  FIELD,
  firstFrame,
  readBlockStream,
  readDescription,
  sealed,
} from "../support/wire/records.ts";
import { rootOf, sha3Digests } from "../support/wire/root-digest.ts";
import { lackingRoot } from "../support/programs/tools.ts";

const SOURCE = Buffer.concat([text(1, 3 * BLOCK), Buffer.alloc(BLOCK), noise(1, BLOCK + 77)]);
const DESTINATION = Buffer.concat([text(2, BLOCK), SOURCE.subarray(BLOCK, 4 * BLOCK), noise(2, 9)]);

/** Files of one folder, with what they hold. */
function files(t: TestContext): Record<"source" | "destination" | "hashes" | "delta", string> {
  const folder = scratch(t);
  const path = (name: string): string => join(folder, name);
  writeFileSync(path("source"), SOURCE);
  writeFileSync(path("destination"), DESTINATION);
  return {
    source: path("source"),
    destination: path("destination"),
    hashes: path("hashes"),
    delta: path("delta"),
  };
}

/** Runs `words` with its streams in files. */
function redirected(
  words: readonly string[],
  { from, to, append = false }: { from?: string; to?: string; append?: boolean },
): Promise<Outcome> {
  const input = from === undefined ? "" : ` < ${quote([from])}`;
  const output = to === undefined ? "" : ` ${append ? ">>" : ">"} ${quote([to])}`;
  return bash(blockcopy(...words) + input + output);
}

/** Keeps the digests of `path`, makes a delta to `source` of them, and returns both. */
async function delta(
  source: string,
  path: string,
  { hashes, delta: to }: { hashes: string; delta: string },
  options: { checksum?: readonly string[]; retrieve?: readonly string[] } = {},
): Promise<void> {
  const checksum = ["checksum", "--extended", path, ...(options.checksum ?? [])];
  assertSucceeded(await redirected(checksum, { to: hashes }));
  const retrieve = ["retrieve", source, ...(options.retrieve ?? [])];
  assertSucceeded(await redirected(retrieve, { from: hashes, to }));
}

function helloOf(path: string): Map<number, Buffer> {
  return readDescription(firstFrame(readFileSync(path)));
}

const ROOT = rootOf(DESTINATION.length, "sha3-512", sha3Digests(DESTINATION));

test("a stream that is kept says which file it is of, and its root", async (t) => {
  const { destination, hashes } = files(t);
  const words = ["checksum", "--extended", destination];
  for (const append of [false, true]) {
    writeFileSync(hashes, "");
    assertSucceeded(await redirected(words, { to: hashes, append }));
    const kept = readFileSync(hashes);
    const hello = helloOf(hashes);
    assert.equal(hello.get(FIELD.hello.size)?.readBigUInt64BE(), BigInt(DESTINATION.length));
    assert.equal(hello.get(FIELD.hello.root)?.toString("hex"), ROOT);
    assert.match(hello.get(FIELD.hello.identity)?.toString() ?? "", /^[ -~]+$/);
    assert.equal(hello.get(FIELD.hello.room), undefined);
    // After the hello it is what goes through a pipe.
    const plain = await run(["checksum", destination]);
    const frames = sealed(firstFrame(kept), plain.stdout, 64, { hex: ROOT, digest: "sha3-512" });
    assertSame(kept, frames);
  }
});

test("two runs of the same file name it alike, and other files not", async (t) => {
  const { source, destination, hashes } = files(t);
  const identity = async (path: string): Promise<string | undefined> => {
    assertSucceeded(await redirected(["checksum", "--extended", path], { to: hashes }));
    return helloOf(hashes).get(FIELD.hello.identity)?.toString();
  };
  const first = await identity(destination);
  assert.equal(await identity(destination), first);
  assert.notEqual(await identity(source), first);
  writeFileSync(destination, "something else");
  assert.notEqual(await identity(destination), first);
});

test("a stream to a pipe, after other data or of a part has no such fields, and is complete", async (t) => {
  const { source, destination, hashes } = files(t);
  const map = join(scratch(t), "map");
  writeFileSync(map, `0 ${BLOCK}\n`);
  const read = async (words: readonly string[], before = ""): Promise<Buffer> => {
    writeFileSync(hashes, before);
    assertSucceeded(await redirected(words, { to: hashes, append: before !== "" }));
    return readFileSync(hashes).subarray(before.length);
  };
  const words = ["checksum", "--extended", destination];
  const streams = {
    pipe: (await run(words)).stdout,
    "after something": await read(words, "something"),
    "--start": await read([...words, "--start", "128K"]),
    "--end": await read([...words, "--end", "128K"]),
    "--ranges": await read([...words, "--ranges", map]),
  };
  for (const [what, stream] of Object.entries(streams)) {
    const hello = readDescription(firstFrame(stream));
    for (const name of ["size", "identity", "root", "room"] as const)
      assert.equal(hello.get(FIELD.hello[name]), undefined, `${what}: ${name}`);
    const answer = await run(["retrieve", source], { stdin: stream });
    assertSucceeded(answer);
    assert.equal(readBlockStream(answer.stdout).head.get(FIELD.head.base), undefined, what);
  }
});

test("a file for the stream that has no room is an error", async (t) => {
  const { destination } = files(t);
  for (const words of [
    ["--extended"],
    ["--extended", "--digest", "blake3", "--block-size", "4K"],
  ]) {
    const outcome = await redirected(["checksum", ...words, destination], { to: "/dev/full" });
    assertFailed(outcome, EXIT.io, "checksum", /hash stream/, /ENOSPC/, /free space/);
  }
});

const KINDS: [what: string, checksum: string[], retrieve: string[], save: string[]][] = [
  ["plain", [], [], []],
  [
    "zstd, BLAKE3, small blocks",
    ["--digest", "blake3", "--block-size", "4K"],
    ["--compress", "zstd"],
    ["--sparse"],
  ],
  ["lzma, large blocks", ["--block-size", "1M"], ["--compress", "lzma"], ["--verify=written"]],
];
for (const [what, checksum, retrieve, save] of KINDS)
  test(`a delta makes the destination equal, later and alone: ${what}`, async (t) => {
    const names = files(t);
    const { source, destination } = names;
    await delta(source, destination, names, { checksum, retrieve });
    const { head } = readBlockStream(readFileSync(names.delta));
    assert.equal(head.get(FIELD.head.base)?.readBigUInt64BE(), BigInt(DESTINATION.length));
    assertSame(
      head.get(FIELD.head.base)?.subarray(8) ?? SOURCE,
      helloOf(names.hashes).get(FIELD.hello.root) ?? SOURCE,
    );
    writeFileSync(source, "");
    assertSucceeded(await redirected(["save", destination, ...save], { from: names.delta }));
    assertSame(readFileSync(destination), SOURCE);
    // It is another one now.
    const again = await redirected(["save", destination, ...save], { from: names.delta });
    assertFailed(again, EXIT.otherDestination, "save", /is not what the stream was made for/);
  });

test("a stream that names no destination, for one that is shorter than that of its digests", async (t) => {
  const { source, destination } = files(t);
  for (const [checksum, size, least] of [
    [[], 2 * BLOCK, SOURCE.length],
    [["--end", `${3 * BLOCK}`], 2 * BLOCK + 1, 3 * BLOCK],
    [["--end", `${3 * BLOCK}`], 3 * BLOCK, undefined],
  ] as const) {
    writeFileSync(destination, SOURCE);
    const { stdout: hashes } = await run(["checksum", "--extended", ...checksum, destination]);
    const { stdout: stdin } = await run(["retrieve", source], { stdin: hashes });
    writeFileSync(destination, SOURCE.subarray(0, size));
    const outcome = await run(["save", "-t", destination], { stdin });
    if (least === undefined) {
      assertSucceeded(outcome);
      continue;
    }
    const words = new RegExp(
      `first ${least} bytes .*destination has only ${size} after all blocks`,
    );
    assertFailed(outcome, EXIT.protocol, "save", words, /make one from the digests of this one/);
    assertSame(readFileSync(destination), SOURCE.subarray(0, size));
  }
});

test("a delta over another destination: nothing is written, unless --force says so", async (t) => {
  const names = files(t);
  const { source, destination } = names;
  await delta(source, destination, names);
  const others = {
    "its content is another": Buffer.from(DESTINATION).fill(1, BLOCK + 5, BLOCK + 6),
    [`it has ${DESTINATION.length - 1} bytes, not ${DESTINATION.length}`]: DESTINATION.subarray(
      0,
      -1,
    ),
    [`it has ${DESTINATION.length + 1} bytes`]: Buffer.concat([DESTINATION, Buffer.of(0)]),
    "it has 0 bytes": Buffer.alloc(0),
  };
  for (const [why, other] of Object.entries(others)) {
    writeFileSync(destination, other);
    const options = ["--verify=full", "--truncate", "-t", "-p"];
    const outcome = await redirected(["save", ...options, destination], { from: names.delta });
    const file = new RegExp(`${destination} .*${why}.*nothing was written`);
    assertFailed(
      outcome,
      EXIT.otherDestination,
      "save",
      file,
      /run again with --force .* make a stream from the digests/,
    );
    assertSame(readFileSync(destination), other);
    const forced = await redirected(["save", "--force", destination], { from: names.delta });
    assert.equal(forced.code, EXIT.ok, forced.stderr);
    const warned =
      /^WARNING \(save\): --force skips the check that .* add --verify=full to prove the result$/m;
    assert.match(forced.stderr, warned);
    const found = readFileSync(destination);
    for (const { position, block } of readBlockStream(readFileSync(names.delta)).records)
      assertSame(
        found.subarray(position, position + block),
        SOURCE.subarray(position, position + block),
      );
  }
});

test("a stream that is piped has no base, and is written to what is there", async (t) => {
  const { source, destination } = files(t);
  const hashes = await run(["checksum", "--extended", destination]);
  const blocks = await run(["retrieve", source], { stdin: hashes.stdout });
  const changed = Buffer.from(DESTINATION).fill(7, BLOCK, BLOCK + 9);
  writeFileSync(destination, changed);
  assertSucceeded(await run(["save", destination], { stdin: blocks.stdout }));
  assertSame(readFileSync(destination).subarray(BLOCK, BLOCK + 9), Buffer.alloc(9, 7));
});

test("a delta for a file that is missing makes it", async (t) => {
  const names = files(t);
  const missing = join(scratch(t), "missing");
  await delta(names.source, missing, names, { checksum: ["--create"] });
  assert.ok(!existsSync(missing));
  const refused = await redirected(["save", missing], { from: names.delta });
  assertFailed(refused, EXIT.missing, "save");
  assertSucceeded(await redirected(["save", "--create", missing], { from: names.delta }));
  assertSame(readFileSync(missing), SOURCE);
  const again = await redirected(["save", "--create", missing], { from: names.delta });
  assertFailed(again, EXIT.otherDestination, "save", /it has \d+ bytes, not 0/);
});

test("a delta of devices", { skip: lackingLoop }, async (t) => {
  const names = files(t);
  const folder = scratch(t);
  const size = 1 << 20;
  const [source, before] = [noise("from", size), noise("from", size)];
  before.fill(3, 5 * BLOCK, 6 * BLOCK);
  source.fill(0, BLOCK, 3 * BLOCK);
  const [from, to] = [loopWith(t, folder, source), loopWith(t, folder, before)];
  await delta(from.path, to.path, names, { retrieve: ["--compress", "zstd"] });
  const save = ["save", "--verify=full", to.path];
  assertSucceeded(await redirected(save, { from: names.delta }));
  assertSame(deviceContent(to), source);
  const again = await redirected(save, { from: names.delta });
  assertFailed(again, EXIT.otherDestination, "save", /its content is another/);
});

test("a kept stream that was cut off, or changed, is refused", async (t) => {
  const { source, destination, hashes } = files(t);
  assertSucceeded(await redirected(["checksum", "--extended", destination], { to: hashes }));
  const kept = readFileSync(hashes);
  // Every byte of such a stream is tried in protocol/extended-damage.test.ts; here the program refuses some.
  for (let at = 0; at < kept.length; at += 193) {
    const cut = await run(["retrieve", source], { stdin: kept.subarray(0, at) });
    assertFailed(cut, EXIT.protocol, "retrieve");
    const changed = Buffer.from(kept);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    const outcome = await run(["retrieve", source], { stdin: changed });
    assertFailed(outcome, EXIT.protocol, "retrieve");
    assert.notEqual(outcome.stdout.toString("latin1").slice(-4), "done");
  }
});

test(
  "a file for the stream that cannot be opened once more just says less",
  { skip: lackingRoot("setpriv") },
  async (t) => {
    const { source, destination, hashes } = files(t);
    writeFileSync(hashes, "", { mode: 0o400 });
    const drop = "setpriv --bounding-set -dac_override,-dac_read_search --inh-caps -all";
    const checksum = blockcopy("checksum", "--extended", destination);
    assertSucceeded(await bash(`${drop} ${checksum} > ${quote([hashes])}`));
    const hello = helloOf(hashes);
    assert.equal(hello.get(FIELD.hello.root), undefined);
    assert.equal(hello.get(FIELD.hello.room), undefined);
    assertSucceeded(await run(["retrieve", source], { stdin: readFileSync(hashes) }));
  },
);
