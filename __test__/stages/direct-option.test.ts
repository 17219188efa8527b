// --direct: the same result every way, past the page cache or through it as was asked for.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, assertSucceeded, EXIT, run } from "../support/programs/cli.ts";
import { lackingDirect, refusing } from "../support/files/direct.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountRamfs } from "../support/files/mount.ts";
import {
  chill,
  lackingPageCache,
  resident,
  undisturbed,
  warm,
} from "../support/files/page-cache.ts";
import { COMMANDS, files, perform, type Command } from "../support/programs/stages.ts";
import { lacking, lackingRoot, lackingTrace } from "../support/programs/tools.ts";
import { trace, TRANSFERS, transfers, type Transfers } from "../support/programs/trace.ts";
import { DONE, hashStream } from "../support/wire/frames.ts";
import { untilDone } from "../support/wire/trailer.ts";

const WAYS = ["auto", "on", "off"] as const;

const odd = noise("odd", 40 * BLOCK + 12_345);
/** Of whole pages: an odd end goes through the page cache whatever was asked for. */
const even = noise("even", 40 * BLOCK + 8192);

/** The files that a command reads and writes. */
const SIDES: Record<Command, { reads: ("source" | "destination")[]; writes: boolean }> = {
  checksum: { reads: ["source"], writes: false },
  retrieve: { reads: ["source"], writes: false },
  save: { reads: [], writes: true },
  sync: { reads: ["source", "destination"], writes: true },
};

/** Asserts that what was done was done one way. */
function assertOnly(way: keyof Transfers, found: Transfers): void {
  const other = way === "direct" ? "buffered" : "direct";
  assert.ok(found[way] > 0 && found[other] === 0, `not only ${way}: ${JSON.stringify(found)}`);
}

// All commands read with one part of the engine, and write with another. What they print and write is looked at once for files and once for
// devices, and of each command also what it calls.
for (const command of ["checksum", "save"] as const)
  test(`${command} of files, every way`, async (t) => {
    const ways = lackingDirect() === false ? WAYS : (["auto", "off"] as const);
    const runs = ways.map(async (way) => {
      const task = { command, ...files(scratch(t), odd, noise("other", odd.length)) };
      const outcome = await perform(task, ["--direct", way]);
      assertSucceeded(outcome);
      if (SIDES[command].writes) assertSame(readFileSync(task.destination), odd, way);
      return outcome.stdout;
    });
    const [first = DONE, ...others] = await Promise.all(runs);
    for (const stream of others) assertSame(stream, first, "the stream");
  });

for (const command of ["retrieve", "sync"] as const)
  test(`${command} of devices, every way`, { skip: lackingLoop }, async (t) => {
    const folder = scratch(t);
    const sectorSize = 4096;
    const source = loopWith(t, folder, even, { sectorSize });
    const runs = WAYS.map(async (way) => {
      const destination = loopWith(t, folder, noise("other", even.length), { sectorSize });
      const task = { command, source: source.path, destination: destination.path };
      const outcome = await perform(task, ["--direct", way]);
      assertSucceeded(outcome);
      if (SIDES[command].writes) assertSame(deviceContent(destination), even, way);
      return command === "retrieve" ? untilDone(outcome.stdout) : outcome.stdout;
    });
    const [first = DONE, ...others] = await Promise.all(runs);
    for (const stream of others) assertSame(stream, first, "the stream");
  });

/** Expected reads and writes of a file. */
const EXPECTED: [way: string, cached: boolean, reads: keyof Transfers, writes: keyof Transfers][] =
  [
    ["on", true, "direct", "direct"],
    ["off", false, "buffered", "buffered"],
    ["auto", false, "direct", "direct"],
    ["auto", true, "buffered", "direct"],
  ];

const lackingCalls = lackingTrace() || lackingDirect() || lackingPageCache();

for (const command of COMMANDS)
  // The choice of `auto` is one for all sources, and one for all destinations.
  for (const [way, cached, reads, writes] of EXPECTED.slice(0, command === "sync" ? 4 : 2)) {
    const where = cached ? "in the page cache" : "on the disk";
    const skip = lackingCalls;
    test(`${command} --direct ${way} of files ${where}: what is called`, { skip }, async (t) => {
      const folder = scratch(t);
      const task = { command, ...files(folder, even, noise("other", even.length)) };
      await undisturbed(async () => {
        writeFileSync(task.destination, noise("other", even.length));
        for (const path of [task.source, task.destination]) (cached ? warm : chill)(path);
        const traced = trace(folder, TRANSFERS);
        assertSucceeded(await perform(task, ["--direct", way], { prefix: traced.prefix }));
        const calls = traced.calls();
        for (const side of SIDES[command].reads)
          assertOnly(reads, transfers(calls, task[side], "read"));
        if (SIDES[command].writes) assertOnly(writes, transfers(calls, task.destination, "write"));
      });
    });
  }

for (const [command, where, prepare] of [
  ["sync", "on the disk", chill],
  ["sync", "in the page cache", warm],
  ["save", "on the disk", chill],
] as const)
  test(`${command} --direct off leaves files ${where}`, { skip: lackingPageCache() }, async (t) => {
    const task = { command, ...files(scratch(t), odd, noise("other", odd.length)) };
    // The test itself reads the source for the stream to `save`.
    const paths = command === "save" ? [task.destination] : [task.source, task.destination];
    await undisturbed(async () => {
      writeFileSync(task.destination, noise("other", odd.length));
      paths.forEach(prepare);
      assertSucceeded(await perform(task, ["--direct", "off"]));
      for (const bytes of paths.map(resident))
        assert.ok(prepare === chill ? bytes === 0 : bytes >= odd.length, `${bytes} bytes`);
    });
  });

for (const command of ["checksum", "save"] as const)
  test(
    `${command} --direct on where O_DIRECT is refused at open`,
    { skip: lackingRoot("mount", "umount") },
    async (t) => {
      const before = noise("other", odd.length);
      const task = { command, ...files(mountRamfs(t, scratch(t)), odd, before) };
      const outcome = await perform(task, ["--direct", "on"]);
      const path = command === "save" ? task.destination : task.source;
      assertFailed(outcome, EXIT.usage, command, new RegExp(path), /leave out `--direct on`/);
      assert.equal(outcome.stdout.length, 0);
      assertSame(readFileSync(task.destination), before, "the destination");
    },
  );

for (const command of ["checksum", "save", "sync"] as const)
  test(
    `${command} --direct on where O_DIRECT is refused later`,
    { skip: lacking("cc") },
    async (t) => {
      const folder = scratch(t);
      const before = noise("other", odd.length);
      const task = { command, ...files(folder, odd, before) };
      const outcome = await perform(task, ["--direct", "on"], { env: refusing(folder, folder) });
      // Both files refuse it. A local sync tries to read its destination first.
      const path = command === "checksum" ? task.source : task.destination;
      assertFailed(outcome, EXIT.usage, command, new RegExp(path), /leave out `--direct on`/);
      assertSame(readFileSync(task.destination), before, "the destination");
    },
  );

test(
  "sync --direct on where only the destination refuses O_DIRECT",
  { skip: lackingRoot("mount", "umount") },
  async (t) => {
    const folder = scratch(t);
    const [source, destination] = [
      join(folder, "source"),
      join(mountRamfs(t, folder), "destination"),
    ];
    writeFileSync(source, odd);
    writeFileSync(destination, even.subarray(0, odd.length));
    const outcome = await run(["sync", "--direct", "on", source, destination]);
    assertFailed(outcome, EXIT.usage, "sync", new RegExp(destination), /leave out `--direct on`/);
  },
);

for (const way of ["", "ON"]) {
  test(`there is no --direct ${JSON.stringify(way)}`, async (t) => {
    const { source } = files(scratch(t), odd, odd);
    const outcome = await run(["checksum", source, `--direct=${way}`]);
    assertFailed(outcome, EXIT.usage, "checksum", /--direct: .* is not auto, on or off/);
    assert.equal(outcome.stdout.length, 0);
  });
}

test("--direct of a redirected standard input", { skip: lackingDirect() }, async (t) => {
  const { source } = files(scratch(t), odd, odd);
  for (const way of ["auto", "on"]) {
    const prefix = ["sh", "-c", 'exec "$@" < "$0"', source];
    const outcome = await run(["checksum", "-", "--direct", way], { prefix });
    assertSucceeded(outcome);
    assertSame(outcome.stdout, hashStream(odd));
  }
});
