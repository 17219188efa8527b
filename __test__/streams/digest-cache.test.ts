// A digest cache that the streams of a copy share: it must never be believed wrongly.
import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { defer } from "../support/cleanup.ts";
import { assertSame } from "../support/files/bytes.ts";
import { assertTrue, bytesRead } from "../support/files/cache.ts";
import { BLOCK, noise } from "../support/files/files.ts";
import { script } from "../support/hosts/hosts.ts";
import { assertFailed, COMMAND, EXIT, killGroup, quote, run } from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { type Running, start } from "../support/programs/pipe.ts";
import { changedIn, pair, type Pair } from "../support/programs/sync-pair.ts";
import { lackingTrace } from "../support/programs/tools.ts";
import { trace, TRANSFERS } from "../support/programs/trace.ts";

const MIB = 2 ** 20;

/** Four parts, the last one with an odd end. */
const OLD = noise("old", 15 * MIB + 77);

/** A destination with a digest cache. */
interface Kept extends Pair {
  cache: string;
  args: string[];
}

function kept(t: TestContext, { source = OLD, destination = OLD } = {}): Kept {
  const files = pair(t, { source, destination });
  const cache = join(files.folder, "cache");
  const { from, to } = files;
  return {
    ...files,
    cache,
    args: ["sync", "-v", "--streams", "2", "--digest-cache", cache, from, to],
  };
}

/** Asserts that a copy succeeded, and that its cache is the truth. Returns true if it was put together, without reading the destination. */
async function assertKept(
  { to, cache }: Kept,
  { code, stderr }: { code: number | null; stderr: string },
  expected: Buffer,
): Promise<boolean> {
  assert.equal(code, EXIT.ok, stderr);
  assertSame(readFileSync(to), expected);
  await assertTrue(cache, to, ["--digest", "blake3"]);
  return !/reading the destination for /.test(stderr);
}

/**
 * Starts a copy whose first stream gets no blocks until the file `gate` exists, and waits until the other one has written some.
 *
 * @param loses the first connection of the other one carries a MiB, and is lost when the file `lost` exists
 * @param whenBegun called when the first stream has opened the cache, and none has written
 */
async function startedBySecond(
  t: TestContext,
  files: Kept,
  changed: Buffer,
  { loses = false, whenBegun }: { loses?: boolean; whenBegun?: () => void } = {},
): Promise<Running> {
  const { folder, from, to, cache } = files;
  const [rsh = "", gate = "", seen = "", lost = "", open = ""] = [
    "rsh",
    "gate",
    "seen",
    "lost",
    "open",
  ].map((name) => join(folder, name));
  const until = (name: string): string => `while ! [ -e ${quote([name])} ]; do sleep 0.1; done`;
  script(
    rsh,
    `shift; case $* in
*--part=1/2*) { ${until(gate)}; cat; } | sh -c "$*"; exit;;
*--part=2/2*) ${until(open)}
if mkdir ${quote([seen])} 2>&-; then
  { { head -c ${MIB}; ${until(lost)}; } | sh -c "$*" 2>&1 >&3 3>&- | grep --line-buffered -v '"event":"error"' >&2; } 3>&1
  exit 255
fi;;
esac
exec sh -c "$*"`,
  );
  if (!loses) mkdirSync(seen);
  if (whenBegun === undefined) writeFileSync(open, "");
  const before = readFileSync(to);
  writeFileSync(from, changed);
  const remote = ["-e", rsh, "--remote-command", quote(COMMAND), "--compress", "none"];
  const copy = ["sync", "-v", "--streams", "2", "--digest-cache", cache, ...remote];
  const running = start(t, [...copy, from, `host:${to}`], {});
  defer(t, () => writeFileSync(gate, ""));
  if (whenBegun !== undefined) {
    const hasBegun = (): boolean => /stream 1 takes the part/.test(running.stderr());
    await eventually(hasBegun, { what: "took a part", detail: running.stderr });
    whenBegun();
    writeFileSync(open, "");
  }
  const modified = (): bigint => statSync(to, { bigint: true }).mtimeNs;
  const since = modified();
  const hasWritten = (): boolean => modified() !== since && !readFileSync(to).equals(before);
  await eventually(hasWritten, { what: "wrote a block", detail: running.stderr });
  return running;
}

test("whichever stream writes first: the old cache is gone before, and a kill leaves none", async (t) => {
  const files = kept(t);
  const { folder, to, cache, args } = files;
  assert.equal(await assertKept(files, await run(args), OLD), false);
  const changed = changedIn(OLD, 3, 40, 70, 100, 119);
  const { pid, ended } = await startedBySecond(t, files, changed);
  assert.equal(existsSync(cache), false);
  killGroup(pid);
  await ended;
  writeFileSync(join(folder, "gate"), "");
  await eventually(() => !isUsed(to), { what: "ended all stages" });
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("cache")),
    [],
  );
  assert.equal(await assertKept(files, await run(args), changed), false);
});

test("what both streams have written is put together with the old digests", async (t) => {
  const files = kept(t);
  await assertKept(files, await run(files.args), OLD);
  // A block in each part, and the last one, which is short.
  const changed = changedIn(OLD, 3, 40, 70, 100, 120);
  const { stderr, ended } = await startedBySecond(t, files, changed);
  writeFileSync(join(files.folder, "gate"), "");
  const { code } = await ended;
  assert.equal(await assertKept(files, { code, stderr: stderr() }, changed), true);
  for (const stream of [1, 2])
    assert.match(stderr(), new RegExp(`stream ${stream} takes the part`));
});

test("what a lost process has written is not taken for what the cache says", async (t) => {
  const files = kept(t);
  const { folder, from } = files;
  await assertKept(files, await run(files.args), OLD);
  // The first stream has the first part.
  const inSecond = Array.from({ length: 32 }, (_, block) => 32 + block);
  const running = await startedBySecond(t, files, changedIn(OLD, ...inSecond), { loses: true });
  // The source has again what the cache has, and the destination does not.
  writeFileSync(from, OLD, { flag: "r+" });
  writeFileSync(join(folder, "lost"), "");
  writeFileSync(join(folder, "gate"), "");
  const { code } = await running.ended;
  const stderr = running.stderr();
  assert.equal(await assertKept(files, { code, stderr }, OLD), false);
  assert.match(stderr, /stream 2 of 2 copies its parts again over a new connection/);
  assert.match(stderr, /stream 2 does not know the digests of its parts/);
});

/** Changes that an operator may make to a cache between the start of a copy and its first write. */
const MEDDLING = {
  "the cache stays": () => {},
  "the cache is removed": (cache: string) => rmSync(cache),
  "another cache takes its name": (cache: string) => {
    copyFileSync(cache, `${cache}.new`);
    renameSync(`${cache}.new`, cache);
  },
};

for (const streams of [1, 2])
  for (const [what, meddle] of Object.entries(MEDDLING))
    test(`a write by something else before any of ${streams} has written is no success: ${what}`, async (t) => {
      const files = kept(t);
      const { folder, from, to, cache, args } = files;
      await assertKept(files, await run(args), OLD);
      const [rsh, gate] = [join(folder, "rsh"), join(folder, "gate")];
      script(
        rsh,
        `shift; { while ! [ -e ${quote([gate])} ]; do sleep 0.1; done; cat; } | sh -c "$*"`,
      );
      const remote = ["-e", rsh, "--remote-command", quote(COMMAND), "--digest-cache", cache];
      const copy = ["sync", "-v", ...(streams > 1 ? ["--streams", "2"] : []), ...remote];
      const running = start(t, [...copy, from, `host:${to}`], {});
      const hasSent = (): boolean =>
        (streams > 1 ? /stream 2 takes the part/ : / belongs to /).test(running.stderr());
      await eventually(hasSent, { what: "sent digests", detail: running.stderr });
      const other = changedIn(OLD, 100);
      writeFileSync(to, other);
      meddle(cache);
      writeFileSync(gate, "");
      const { code } = await running.ended;
      const stderr = running.stderr();
      // The old digests were sent, so that block is not copied: only reading the destination finds it.
      assertFailed({ code, stderr }, EXIT.differs, "sync", /something else has written to it/);
      assert.equal(await assertKept(files, { code: EXIT.ok, stderr }, other), false);
      await assertKept(files, await run(args), OLD);
    });

test("a cache with another inode, or made since the start, is gone before the first write", async (t) => {
  for (const hadCache of [true, false]) {
    const files = kept(t);
    const { folder, cache, args } = files;
    if (hadCache) await assertKept(files, await run(args), OLD);
    const other = join(folder, "other");
    await run(["sync", "--digest-cache", other, files.from, files.to]);
    const { pid, ended } = await startedBySecond(t, files, changedIn(OLD, 40), {
      whenBegun: () => renameSync(other, cache),
    });
    assert.equal(existsSync(cache), false, String(hadCache));
    killGroup(pid);
    await ended;
  }
});

/** True if a process has a file among its words. */
function isUsed(path: string): boolean {
  return readdirSync("/proc").some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(path);
    } catch {
      return false;
    }
  });
}

test("night after night, with files that grow and are cut off", async (t) => {
  const files = kept(t);
  const { from, to, args } = files;
  const [sync = "", ...rest] = args;
  const longer = Buffer.concat([changedIn(OLD, 7), noise("more", 3 * MIB)]);
  const shorter = longer.subarray(0, 11 * BLOCK + 5);
  const zeros = Buffer.concat([Buffer.alloc(5 * BLOCK), shorter.subarray(5 * BLOCK)]);
  const nights: [content: Buffer, isMerged: boolean, options: string[]][] = [
    [OLD, false, ["--block-size", "64K"]],
    [longer, true, ["--truncate"]],
    [shorter, true, ["--truncate", "--verify", "full"]],
    [zeros, true, ["--verify", "written"]],
  ];
  for (const [content, isMerged, options] of nights) {
    writeFileSync(from, content);
    const outcome = await run([sync, ...options, ...rest]);
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    assertSame(readFileSync(to), content);
    await assertTrue(files.cache, to, ["--digest", "blake3", "--block-size", "64K"]);
    assert.equal(!/reading the destination for /.test(outcome.stderr), isMerged, outcome.stderr);
  }
});

test("the next run reads only a sample of the destination", { skip: lackingTrace() }, async (t) => {
  const files = kept(t, { source: changedIn(OLD, 3), destination: OLD });
  const { folder, from, to, args } = files;
  const options = ["--block-size", "4K"];
  const [sync = "", ...rest] = args;
  assert.equal((await run([sync, ...options, ...rest])).code, EXIT.ok);
  const content = changedIn(OLD, 3, 50, 90);
  writeFileSync(from, content);
  const traced = trace(folder, TRANSFERS);
  const outcome = await run(args, traced);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assertSame(readFileSync(to), content);
  await assertTrue(files.cache, to, ["--digest", "blake3", ...options]);
  const read = bytesRead(traced.calls(), to);
  assert.ok(read > 0 && read < MIB, `${read} bytes of the destination were read`);
});

test("a cache that does not belong to the destination is refused, and stays", async (t) => {
  const files = kept(t);
  const { from, to, cache, args } = files;
  await assertKept(files, await run(args), OLD);
  const before = readFileSync(cache);
  writeFileSync(to, changedIn(OLD, 5));
  writeFileSync(from, changedIn(OLD, 90));
  for (const [options, message] of [
    [[], /does not hold the digests of .* as it is now: the file was written to since/],
    [["--block-size", "64K"], /cache has blake3 digests of blocks of 131072 bytes/],
  ] as const) {
    const outcome = await run(["sync", ...options, ...args.slice(2)]);
    assertFailed(outcome, EXIT.otherDestination, "sync", message);
    assertSame(readFileSync(to), changedIn(OLD, 5));
    assert.ok(readFileSync(cache).equals(before));
  }
});
