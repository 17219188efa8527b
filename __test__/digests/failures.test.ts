// `save` is killed, or the file for the digests has no room: nothing that is wrong is left, and the next night heals it.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  assertNight,
  assertNoLie,
  assertTrue,
  hashes,
  night,
  type Kept,
} from "../support/files/cache.ts";
import { NO_INSPECTOR } from "../../src/native/node-start.ts";
import { assertFailed, assertSucceeded, EXIT, PROJECT, run } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch, sha256 } from "../support/files/files.ts";
import { mountTmpfs } from "../support/files/mount.ts";
import { lackingRoot, lackingTrace, system } from "../support/programs/tools.ts";
import { trace } from "../support/programs/trace.ts";

/** So long that the writing of its blocks takes several calls. */
const SIZE = 80 * BLOCK;

const writes = "pwrite64,pwritev,pwritev2";

/** A source, and a destination that lacks much of it. */
function files(t: TestContext): Kept & { content: Buffer; before: Buffer } {
  const folder = scratch(t);
  const [source, destination] = [join(folder, "source"), join(folder, "destination")];
  const content = noise(1, SIZE);
  const before = Buffer.from(content).fill(7, 3 * BLOCK, 60 * BLOCK);
  writeFileSync(source, content);
  writeFileSync(destination, before);
  return { source, destination, cache: join(folder, "cache"), content, before };
}

/** The block stream that makes the source of the destination, with digests of 128K or what `options` say. */
async function blocks({ source, destination }: Kept, ...options: string[]): Promise<Buffer> {
  const sent = await run(["checksum", "--extended", destination, ...options]);
  assertSucceeded(sent);
  const answer = await run(["retrieve", source], { stdin: sent.stdout });
  assertSucceeded(answer);
  return answer.stdout;
}

/** As the launcher starts Node, but with a single thread of libuv: strace counts the calls of each thread for itself. */
const ONE_THREAD = {
  command: [process.execPath, NO_INSPECTOR, join(PROJECT, "dist/cli/main.js")],
  env: { UV_THREADPOOL_SIZE: "1" },
};

/** The calls at which `save` is killed. Some matter only if an older digest cache is replaced. */
const MOMENTS: { calls: string; when: number; onlyReplacing?: true }[] = [
  { calls: "unlink", when: 1 },
  { calls: "unlink", when: 2, onlyReplacing: true },
  { calls: "unlink", when: 3 },
  { calls: "unlink", when: 4, onlyReplacing: true },
  { calls: "unlink", when: 5, onlyReplacing: true },
  { calls: writes, when: 1 },
  { calls: writes, when: 2, onlyReplacing: true },
  { calls: "fdatasync", when: 1 },
  { calls: "fsync", when: 1, onlyReplacing: true },
  { calls: "fsync", when: 2 },
  { calls: writes, when: 3, onlyReplacing: true },
  { calls: "rename", when: 1 },
  { calls: "fsync", when: 3 },
];

/** All that the next night finds: the content of the destination, and the files in its folder without the random part of their names. */
function stateOf({ destination, cache }: Kept): string {
  const names = readdirSync(join(cache, "..")).map((name) => name.replace(/\.[-0-9a-f]{36}/, ""));
  return [sha256(readFileSync(destination)), ...names.toSorted()].join(" ");
}

for (const whole of [true, false])
  test(
    `killed at any moment: ${whole ? "what is known is put together" : "all is read"}`,
    { skip: lackingTrace() },
    async (t) => {
      const copy = files(t);
      const { source, destination, cache, content, before } = copy;
      const stdin = await blocks(copy);
      const left: boolean[] = [];
      const healed = new Set<string>();
      for (const { calls, when, onlyReplacing = false } of MOMENTS) {
        if (onlyReplacing && !whole) continue;
        writeFileSync(source, content);
        writeFileSync(destination, before);
        rmSync(cache, { force: true });
        if (whole) writeFileSync(cache, await hashes(destination));
        const inject = [
          "-e",
          `trace=${calls}`,
          "-e",
          `inject=${calls}:signal=SIGKILL:when=${when}`,
        ];
        const prefix = ["strace", "-f", "-qq", "-o", "/dev/null", ...inject];
        const save = ["save", "--threads", "1", "--update-digests", cache, destination];
        const what = `${calls} ${when}`;
        const outcome = await run(save, { stdin, prefix, ...ONE_THREAD });
        // Without a file from before there is less to take away, and in any case not often.
        if (outcome.code === EXIT.ok && (!whole || calls === "unlink")) continue;
        assert.equal(outcome.code, 137, `${what} was not reached: ${outcome.stderr}`);
        const there = await assertNoLie(cache, destination, [], what);
        left.push(there);
        const state = stateOf(copy);
        // The next night sees nothing else of the moment, so it need not come again.
        if (healed.has(state)) continue;
        healed.add(state);
        assertNight(await night(copy), !there);
        assert.ok(readFileSync(destination).equals(content), what);
        await assertTrue(cache, destination, [], what);
        assert.deepEqual(
          readdirSync(join(cache, "..")).toSorted(),
          ["cache", "destination", "source"],
          "something else is left",
        );
      }
      assert.ok(healed.size > 1, Array.from(healed).join());
      assert.ok(left.includes(false));
      assert.ok(left.includes(true), "never was the file there");
    },
  );

test(
  "the name is gone, on the disk, before anything is written, and there again after that",
  { skip: lackingTrace() },
  async (t) => {
    const copy = files(t);
    const { destination, cache, content } = copy;
    writeFileSync(cache, await hashes(destination));
    const stdin = await blocks(copy);
    const output = join(scratch(t), "order");
    const order = `trace=${writes},unlink,fsync,fdatasync,rename`;
    const prefix = ["strace", "-f", "-qq", "-y", "-o", output, "-e", order];
    assertSucceeded(await run(["save", "--update-digests", cache, destination], { stdin, prefix }));
    const calls = readFileSync(output, "utf8").split("\n");
    const folder = join(cache, "..");
    const find = (wanted: (call: string) => boolean, from = 0): number => {
      const found = calls.findIndex((call, index) => index >= from && wanted(call));
      assert.ok(found >= 0, calls.join("\n"));
      return found;
    };
    const removed = find((call) => call.includes(`unlink("${cache}")`));
    const synced = find((call) => call.includes("fsync(") && call.includes(`<${folder}>`), removed);
    const written = find((call) => call.includes("pwrite") && call.includes(`<${destination}>`));
    const safe = find((call) => call.includes("fdatasync(") && call.includes(`<${destination}>`));
    const full = find((call) => call.includes("fsync(") && call.includes(`<${cache}.`), safe);
    const renamed = find((call) => call.includes("rename("));
    const last = find((call) => call.includes("fsync(") && call.includes(`<${folder}>`), renamed);
    const found = [removed, synced, written, safe, full, renamed, last];
    assert.deepEqual(
      found,
      found.toSorted((one, other) => one - other),
      calls.join("\n"),
    );
    assert.ok(readFileSync(destination).equals(content));
    await assertTrue(cache, destination);
  },
);

test("no room for the file: the copy is complete", { skip: lackingRoot("mount") }, async (t) => {
  const copy = files(t);
  const { destination, content, before } = copy;
  const small = mountTmpfs(t, scratch(t), 64 * 1024);
  const options = ["--block-size", "4K"];
  const cache = join(small, "cache");
  const stdin = await blocks(copy, ...options);
  for (let round = 0; round < 2; round++) {
    writeFileSync(destination, before);
    const outcome = await run(["save", "--update-digests", cache, destination], { stdin });
    const message = /ENOSPC\); the copy is complete and on the disk/;
    assertFailed(outcome, EXIT.notKept, "save", message);
    assert.ok(readFileSync(destination).equals(content));
    assert.deepEqual(readdirSync(small), []);
  }
  // Larger blocks have room.
  const save = { ...copy, cache, checksum: ["--block-size", "64K"] };
  assertNight(await night(save), true);
  await assertTrue(cache, destination, ["--block-size", "64K"]);
});

test("a folder that cannot be written to", { skip: lackingRoot("mount") }, async (t) => {
  const copy = files(t);
  const { destination, before } = copy;
  const point = mountTmpfs(t, scratch(t), 1024 * 1024);
  const cache = join(point, "cache");
  const bytes = await hashes(destination);
  const stdin = await blocks(copy);
  for (const there of [false, true]) {
    system("mount", "-o", "remount,rw", point);
    if (there) writeFileSync(cache, bytes);
    system("mount", "-o", "remount,ro", point);
    const outcome = await run(["save", "--update-digests", cache, destination], { stdin });
    assertFailed(outcome, EXIT.io, "save", /EROFS\); nothing was written/);
    assert.ok(readFileSync(destination).equals(before));
    assert.equal(existsSync(cache), there);
  }
});

test("a link that a killed run or another user has left next to it is not followed", async (t) => {
  const copy = files(t);
  const precious = join(scratch(t), "precious");
  writeFileSync(precious, "precious");
  symlinkSync(precious, `${copy.cache}.01234567-89ab-cdef-0123-456789abcdef.new`);
  assertNight(await night(copy), true);
  await assertTrue(copy.cache, copy.destination);
  assert.equal(readFileSync(precious, "utf8"), "precious");
});

test("two that keep the same file at once: what is there is true of one of them", async (t) => {
  const one = files(t);
  const other = { ...files(t), cache: one.cache };
  const streams = [await blocks(one), await blocks(other)];
  const outcomes = await Promise.all(
    [one, other].map(({ destination }, index) =>
      run(["save", "--update-digests", one.cache, destination], {
        stdin: streams[index] ?? Buffer.alloc(0),
      }),
    ),
  );
  for (const { code, stderr } of outcomes)
    if (code !== EXIT.ok)
      assertFailed({ code, stderr }, EXIT.notKept, "save", /the copy is complete/);
  const found = existsSync(one.cache) ? readFileSync(one.cache) : undefined;
  const truths = [await hashes(one.destination), await hashes(other.destination)];
  assert.ok(found === undefined || truths.some((truth) => truth.equals(found)));
});

test("`checksum` only reads it", { skip: lackingTrace() }, async (t) => {
  const copy = files(t);
  writeFileSync(copy.cache, await hashes(copy.destination));
  const traced = trace(scratch(t), "trace=openat");
  const sent = ["checksum", "--extended", "--cached", copy.cache, copy.destination];
  assertSucceeded(await run(sent, traced));
  const opened = traced.calls().filter((call) => call.includes(copy.cache));
  assert.equal(opened.length, 1);
  assert.match(opened[0] ?? "", /O_RDONLY/);
});
