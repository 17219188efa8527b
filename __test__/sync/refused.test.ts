// Copies that sync refuses: mistakes in the command line, ends that cannot be made equal, destinations in use.
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { defer } from "../support/cleanup.ts";
import { assertFailed, assertSucceeded, EXIT, lastLine, run } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountedLoop } from "../support/files/mount.ts";
import { hasOpened, makePipe, start } from "../support/programs/pipe.ts";
import { isRoot, lacking, system } from "../support/programs/tools.ts";
import { DONE } from "../support/wire/frames.ts";

const skip = lackingLoop;
const source = noise("source", 2 * BLOCK);
const before = noise("before", 2 * BLOCK);

/** A folder with a source and a destination that differ. */
function files(t: TestContext): { folder: string; from: string; to: string } {
  const folder = scratch(t);
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  writeFileSync(from, source);
  writeFileSync(to, before);
  return { folder, from, to };
}

for (const words of [
  [],
  ["FROM"],
  ["FROM", ""],
  ["", "TO"],
  ["FROM", "TO", "--direct", "perhaps"],
]) {
  test(`a mistake in the command line: blockcopy sync ${words.join(" ")}`, async (t) => {
    const { from, to } = files(t);
    const names = new Map([
      ["FROM", from],
      ["TO", to],
    ]);
    const outcome = await run(["sync", ...words.map((word) => names.get(word) ?? word)]);
    assert.equal(outcome.code, EXIT.usage, outcome.stderr);
    assert.match(lastLine(outcome.stderr), /^ERROR \(sync\): .*; see `blockcopy sync --help`$/);
    assertSame(readFileSync(to), before);
  });
}

test("standard input is no file", async (t) => {
  const { from, to } = files(t);
  for (const words of [
    ["-", to],
    [from, "/dev/stdin"],
  ])
    assertFailed(
      await run(["sync", ...words]),
      EXIT.usage,
      "sync",
      /must be actual file or device/,
    );
  assertSame(readFileSync(to), before);
});

test("neither file nor block device", async (t) => {
  const { folder, from, to } = files(t);
  const [directory, fifo] = [join(folder, "directory"), join(folder, "fifo")];
  mkdirSync(directory);
  system("mkfifo", fifo);
  for (const path of [directory, fifo])
    assertFailed(await run(["sync", path, to]), EXIT.usage, "sync", new RegExp(path));
  for (const path of [directory, "/dev/null"])
    assertFailed(await run(["sync", from, path]), EXIT.usage, "sync", new RegExp(path));
  assertSame(readFileSync(to), before);
});

test("a missing file is not created", async (t) => {
  const { folder, from, to } = files(t);
  const missing = join(folder, "missing");
  for (const [one, other] of [
    [missing, to],
    [from, missing],
  ] as const) {
    assertFailed(await run(["sync", one, other]), EXIT.missing, "sync", new RegExp(missing));
    assert.ok(!existsSync(missing));
  }
  assertSame(readFileSync(to), before);
});

test("a file and itself, by whatever name", async (t) => {
  const { folder, from } = files(t);
  const [link, name] = [join(folder, "link"), join(folder, "name")];
  symlinkSync(from, link);
  linkSync(from, name);
  for (const other of [from, link, name, `${folder}/./source`]) {
    const outcome = await run(["sync", from, other]);
    assertFailed(
      outcome,
      EXIT.usage,
      "sync",
      /are the same; /,
      new RegExp(from),
      new RegExp(other),
    );
  }
  assertSame(readFileSync(from), source);
});

test("a device and itself, by whatever name", { skip }, async (t) => {
  const folder = scratch(t);
  const loop = loopWith(t, folder, source);
  const link = join(folder, "link");
  symlinkSync(loop.path, link);
  for (const words of [[loop.path], ["--force", link]])
    assertFailed(await run(["sync", loop.path, ...words]), EXIT.usage, "sync", /the same/);
});

test("files of different sizes: both are named, and how to make them equal", async (t) => {
  const { from, to } = files(t);
  for (const size of [0, source.length - 1, source.length + 1]) {
    const content = noise("sizes", size);
    writeFileSync(to, content);
    const outcome = await run(["sync", from, to]);
    assertFailed(outcome, EXIT.usage, "sync", new RegExp(`${from} has ${source.length} bytes`));
    assertFailed(outcome, EXIT.usage, "sync", new RegExp(`${to} has ${size}\\b`));
    assertSame(readFileSync(to), content, "the destination");
    const advice = /; (--create) or (--truncate) makes/.exec(lastLine(outcome.stderr));
    if (size > source.length) {
      assert.equal(advice, null, "the user may have swapped source and destination");
      assert.match(outcome.stderr, /swapped/);
      continue;
    }
    for (const option of advice?.slice(1) ?? [""]) {
      writeFileSync(to, content);
      assertSucceeded(await run(["sync", option, from, to]));
      assertSame(readFileSync(to), source);
    }
  }
});

test("a device of another size", { skip }, async (t) => {
  const { folder, from } = files(t);
  const content = noise("device", 3 * BLOCK);
  const to = loopWith(t, folder, content);
  const outcome = await run(["sync", from, to.path]);
  assertFailed(outcome, EXIT.usage, "sync", new RegExp(`${from} has ${source.length} bytes`));
  assertFailed(outcome, EXIT.usage, "sync", new RegExp(`${to.path} has ${content.length}\\b`));
  assert.doesNotMatch(outcome.stderr, /truncate/, "nobody can make a device smaller");
  assertSame(deviceContent(to), content);
});

test(
  "a mounted destination, also as its backing file, and --force overrides",
  { skip: skip || lacking("mkfs.ext4", "mount") },
  async (t) => {
    const folder = scratch(t);
    const { backing, loop, point } = mountedLoop(t, folder);
    const filesystem = readFileSync(backing);
    // The last block of so small a filesystem is free: --force may have it.
    const changed = Buffer.from(filesystem);
    noise("forced", BLOCK).copy(changed, changed.length - BLOCK);
    const from = join(folder, "source");
    writeFileSync(from, changed);

    for (const path of [loop.path, backing]) {
      const refused = await run(["sync", from, path]);
      assertFailed(refused, EXIT.busy, "sync", new RegExp(path), new RegExp(point), /--force/);
    }
    assertSame(readFileSync(backing), filesystem, "the mounted device");

    assertSucceeded(await run(["sync", "--force", from, loop.path]));
    assertSame(readFileSync(backing), changed);
  },
);

test("a destination that another process holds", { skip }, async (t) => {
  const { folder, from } = files(t);
  const loop = loopWith(t, folder, before);
  const { reader, writer } = makePipe(t);
  const holder = start(t, ["save", loop.path], { stdin: reader.fd });
  await hasOpened(holder, loop.path);
  assertFailed(await run(["sync", from, loop.path]), EXIT.busy, "sync", new RegExp(loop.path));
  writeFileSync(writer.fd, DONE);
  writer.close();
  await holder.ended;
  assertSame(deviceContent(loop), before);
});

test("a read-only device", { skip }, async (t) => {
  const { folder, from } = files(t);
  const loop = loopWith(t, folder, before, { readOnly: true });
  for (const force of [[], ["--force"]]) {
    const outcome = await run(["sync", ...force, from, loop.path]);
    assertFailed(outcome, EXIT.permission, "sync", new RegExp(loop.path), /read-only/);
  }
  assertSame(deviceContent(loop), before);
});

test(
  "files that may not be read or written",
  { skip: isRoot ? lacking("setpriv") : false },
  async (t) => {
    const { from, to } = files(t);
    // Root without its capability to pass over permissions is bound by them like any other user.
    const prefix = isRoot
      ? ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]
      : [];
    for (const path of [from, to]) {
      if (isRoot) chownSync(path, 65_534, 65_534);
      for (const mode of path === to ? [0o000, 0o444, 0o222] : [0o000]) {
        chmodSync(path, mode);
        const outcome = await run(["sync", from, to], { prefix });
        assertFailed(outcome, EXIT.permission, "sync", new RegExp(path));
      }
      chmodSync(path, 0o666);
    }
    assertSame(readFileSync(to), before);
  },
);

test("a regular file in /dev, which would fill the memory", { skip }, async (t) => {
  const { from } = files(t);
  const path = `/dev/blockcopy-sync-${process.pid}`;
  writeFileSync(path, before);
  defer(t, () => rmSync(path));
  assertFailed(await run(["sync", from, path]), EXIT.usage, "sync", /regular file, not a device/);
  assertSame(readFileSync(path), before);
});

test("a name with a colon is a file here if a directory comes before it", async (t) => {
  const folder = scratch(t);
  writeFileSync(join(folder, "a:b"), "1");
  writeFileSync(join(folder, "to"), "0");
  assertSucceeded(await run(["sync", "./a:b", "to"], { cwd: folder }));
  assert.equal(readFileSync(join(folder, "to"), "utf8"), "1");
});

test("--sudo is for copies between hosts", async (t) => {
  const { from, to } = files(t);
  const outcome = await run(["sync", "--sudo", from, to]);
  assertFailed(outcome, EXIT.usage, "sync", /--sudo is for/);
  assertSame(readFileSync(to), before);
});
