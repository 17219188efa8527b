// --direct: the same result every way, past the page cache or through it as was asked for.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertFailed, assertSucceeded, EXIT, run } from "./support/cli.ts";
import { lackingDirect, refusing } from "./support/direct.ts";
import { BLOCK, noise, scratch } from "./support/files.ts";
import { deviceContent, lackingLoop, loopWith } from "./support/loop.ts";
import { mountRamfs } from "./support/mount.ts";
import { chill, lackingPageCache, resident, warm } from "./support/page-cache.ts";
import { COMMANDS, files, perform, type Command } from "./support/stages.ts";
import { lacking, lackingRoot, lackingTrace } from "./support/tools.ts";
import { trace, TRANSFERS, transfers, type Transfers } from "./support/trace.ts";
import { DONE, hashStream } from "./support/wire.ts";

const WAYS = ["auto", "on", "off"] as const;

const odd = noise("odd", 40 * BLOCK + 12_345);
/** Of whole pages: an odd end goes through the page cache whatever was asked for. */
const even = noise("even", 40 * BLOCK + 8192);

/** What a command reads and writes. */
const SIDES: Record<Command, { reads: ("source" | "destination")[]; writes: boolean }> = {
  checksum: { reads: ["source"], writes: false },
  retrieve: { reads: ["source"], writes: false },
  save: { reads: [], writes: true },
  sync: { reads: ["source", "destination"], writes: true },
};

for (const command of COMMANDS) {
  test(`${command} of files, every way`, async (t) => {
    const streams: Buffer[] = [];
    for (const way of lackingDirect() === false ? WAYS : (["auto", "off"] as const)) {
      const task = { command, ...files(scratch(t), odd, noise("other", odd.length)) };
      const outcome = await perform(task, ["--direct", way]);
      assertSucceeded(outcome);
      streams.push(outcome.stdout);
      if (SIDES[command].writes) assert.ok(readFileSync(task.destination).equals(odd), way);
    }
    assert.ok(
      streams.every((stream) => stream.equals(streams[0] ?? DONE)),
      "another way, another stream",
    );
  });

  test(`${command} of devices, every way`, { skip: lackingLoop }, async (t) => {
    const folder = scratch(t);
    const sectorSize = 4096;
    const source = loopWith(t, folder, even, { sectorSize });
    const streams: Buffer[] = [];
    for (const way of WAYS) {
      const destination = loopWith(t, folder, noise("other", even.length), { sectorSize });
      const task = { command, source: source.path, destination: destination.path };
      const outcome = await perform(task, ["--direct", way]);
      assertSucceeded(outcome);
      streams.push(outcome.stdout);
      if (SIDES[command].writes) assert.ok(deviceContent(destination).equals(even), way);
    }
    assert.ok(
      streams.every((stream) => stream.equals(streams[0] ?? DONE)),
      "another way, another stream",
    );
  });

  /** What may be seen of a file's reads and writes. */
  const expected: [
    way: string,
    cached: boolean,
    reads: keyof Transfers,
    writes: keyof Transfers,
  ][] = [
    ["on", true, "direct", "direct"],
    ["auto", false, "direct", "direct"],
    ["auto", true, "buffered", "direct"],
    ["off", false, "buffered", "buffered"],
  ];
  for (const [way, cached, reads, writes] of expected) {
    const where = cached ? "in the page cache" : "on the disk";
    const skip = lackingTrace() || lackingDirect() || lackingPageCache();
    test(`${command} --direct ${way} of files ${where}: what is called`, { skip }, async (t) => {
      const folder = scratch(t);
      const task = { command, ...files(folder, even, noise("other", even.length)) };
      for (const path of [task.source, task.destination]) (cached ? warm : chill)(path);
      const traced = trace(folder, TRANSFERS);
      assertSucceeded(await perform(task, ["--direct", way], { prefix: traced.prefix }));
      const calls = traced.calls();
      const opposite = { direct: "buffered", buffered: "direct" } as const;
      for (const side of SIDES[command].reads) {
        const found = transfers(calls, task[side], "read");
        assert.ok(
          found[reads] > 0 && found[opposite[reads]] === 0,
          JSON.stringify({ side, found }),
        );
      }
      if (SIDES[command].writes) {
        const found = transfers(calls, task.destination, "write");
        assert.ok(found[writes] > 0 && found[opposite[writes]] === 0, JSON.stringify(found));
      }
    });
  }

  test(
    `${command} --direct off leaves the page cache as it was`,
    { skip: lackingPageCache() },
    async (t) => {
      const task = { command, ...files(scratch(t), odd, noise("other", odd.length)) };
      // What `save` is sent is read from the source by the test itself.
      const paths = command === "save" ? [task.destination] : [task.source, task.destination];
      const cached = (): number[] => paths.map(resident);
      for (const prepare of [chill, warm]) {
        writeFileSync(task.destination, noise("other", odd.length));
        paths.forEach(prepare);
        const before = cached();
        assertSucceeded(await perform(task, ["--direct", "off"]));
        assert.deepEqual(cached(), before);
        assert.ok(before.every((bytes) => (prepare === chill ? bytes === 0 : bytes >= odd.length)));
      }
    },
  );

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
      assert.ok(readFileSync(task.destination).equals(before), "the destination changed");
    },
  );

  test(
    `${command} --direct on where O_DIRECT is refused later`,
    { skip: lacking("cc") },
    async (t) => {
      const folder = scratch(t);
      const before = noise("other", odd.length);
      const task = { command, ...files(folder, odd, before) };
      const outcome = await perform(task, ["--direct", "on"], { env: refusing(folder, folder) });
      const path = command === "save" ? task.destination : task.source;
      assertFailed(outcome, EXIT.usage, command, new RegExp(path), /leave out `--direct on`/);
      assert.ok(readFileSync(task.destination).equals(before), "the destination changed");
    },
  );
}

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

for (const way of ["", "ON", "yes", "true"]) {
  test(`there is no --direct ${JSON.stringify(way)}`, async (t) => {
    const { source } = files(scratch(t), odd, odd);
    const outcome = await run(["checksum", source, `--direct=${way}`]);
    assertFailed(outcome, EXIT.usage, "checksum", /--direct: .* is not auto, on or off/);
    assert.equal(outcome.stdout.length, 0);
  });
}

test("--direct of a redirected standard input", { skip: lackingDirect() }, async (t) => {
  const { source } = files(scratch(t), odd, odd);
  for (const way of WAYS) {
    const prefix = ["sh", "-c", 'exec "$@" < "$0"', source];
    const outcome = await run(["checksum", "-", "--direct", way], { prefix });
    assertSucceeded(outcome);
    assert.ok(outcome.stdout.equals(hashStream(odd)));
  }
});
