// Copies of a clone of a file that is written to, on file systems that can clone files.
import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { scratch } from "../support/files/files.ts";
import { attach, lackingLoop } from "../support/files/loop.ts";
import { mountCloning } from "../support/files/mount.ts";
import { lackingHosts, sync } from "../support/hosts/hosts.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { assertSynced, changedIn, SOURCE } from "../support/programs/sync-pair.ts";
import { lacking } from "../support/programs/tools.ts";

const SIZES = { xfs: 320 * 2 ** 20, btrfs: 128 * 2 ** 20 };

/** Writes the first byte of the source, as a shell command. */
const write = (byte: string): string =>
  `printf ${byte} | dd of="$BLOCKCOPY_SOURCE" conv=notrunc status=none`;

/** A source on a file system that clones, and a destination elsewhere. */
function files(t: TestContext, type: "xfs" | "btrfs"): { point: string; from: string; to: string } {
  const folder = scratch(t);
  const point = mountCloning(t, folder, { type, size: SIZES[type] });
  const [from, to] = [join(point, "a 'disk'"), join(folder, "copy")];
  writeFileSync(from, SOURCE);
  writeFileSync(to, changedIn(SOURCE, 3, 30));
  return { point, from, to };
}

/** The source with this as its first byte. */
function beginningWith(byte: string): Buffer {
  const content = Buffer.from(SOURCE);
  content.write(byte);
  return content;
}

for (const type of ["xfs", "btrfs"] as const) {
  const skip = lackingLoop || lacking(`mkfs.${type}`);
  test(`${type}: the copy is what the file was between the two commands`, { skip }, async (t) => {
    const { point, from, to } = files(t, type);
    const writer = openSync(from, "r+");
    const words = ["--before", write("b"), "--after", write("a")];
    const copied = await run(["sync", "--snapshot", "auto", ...words, from, to]);
    closeSync(writer);
    // It is open for writing, and that does not matter to its clone.
    assertSynced(copied, to, beginningWith("b"));
    assertSame(readFileSync(from), beginningWith("a"), "the source");
    assert.deepEqual(readdirSync(point), ["a 'disk'"]);
  });
}

const skipXfs = lackingLoop || lacking("mkfs.xfs");

test("the same from another host, and with retrieve by hand", { skip: skipXfs }, async (t) => {
  const { from, to } = files(t, "xfs");
  const words = ["--snapshot", "reflink", "--before", write("b"), "--after", write("a")];
  if (lackingHosts === false) {
    assertSynced(await sync([...words, `one:${from}`, to]), to, beginningWith("b"));
  } else {
    t.diagnostic(`not from another host: ${lackingHosts}`);
  }
  const hashes = await run(["checksum", to]);
  const blocks = await run(["retrieve", ...words, from], { stdin: hashes.stdout });
  assert.equal(blocks.code, EXIT.ok, blocks.stderr);
  const saved = await run(["save", to], { stdin: blocks.stdout });
  assert.equal(saved.code, EXIT.ok, saved.stderr);
  assertSame(readFileSync(to), beginningWith("b"), "the destination");
});

test("a dry run makes no clone and runs no command", { skip: skipXfs }, async (t) => {
  const { from, to } = files(t, "xfs");
  const words = ["--snapshot", "auto", "--before", write("b"), "--after", "exit 9"];
  const { code, stderr } = await run(["sync", "-n", ...words, from, to]);
  assert.equal(code, EXIT.ok, stderr);
  assertSame(readFileSync(from), SOURCE, "the source");
});

test(
  "a warning about a source in use names the option, which works",
  { skip: skipXfs },
  async (t) => {
    const { from, to } = files(t, "xfs");
    const writer = openSync(from, "r+");
    const warned = await run(["sync", from, to]);
    const [, option = ""] = /\(copy a snapshot: (--snapshot \w+)\)$/m.exec(warned.stderr) ?? [];
    assert.equal(option, "--snapshot reflink", warned.stderr);
    assertSynced(await run(["sync", ...option.split(" "), from, to]), to);
    // `compare` has no such option.
    const compared = await run(["compare", from, to]);
    assert.match(compared.stderr, /\(copy a snapshot\)$/m);
    closeSync(writer);
  },
);

test("a clone is not copied onto its own origin", { skip: skipXfs }, async (t) => {
  const { from } = files(t, "xfs");
  const { path: loop } = attach(t, from);
  for (const [to, says] of [
    [from, /are the same/],
    [loop, /is a loop device on .*disk.*: writing to one overwrites the other/],
  ] as const) {
    const words = ["sync", "--snapshot", "auto", "--force", "--allow-larger", from, to];
    assertFailed(await run(words), EXIT.usage, "sync", says);
  }
  assertSame(readFileSync(from), SOURCE, "the source");
});
