// Copies over two connections that lose the first one: the second keeps the destination claimed until a new process has taken over.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { assertSame, bytesAt } from "../support/files/bytes.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { assertTrue } from "../support/files/cache.ts";
import { noise } from "../support/files/files.ts";
import { commandOf, script } from "../support/hosts/hosts.ts";
import {
  assertFailed,
  COMMAND,
  EXIT,
  isSingle,
  killGroup,
  lastLine,
  quote,
  run,
} from "../support/programs/cli.ts";
import { defer } from "../support/cleanup.ts";
import { eventually } from "../support/programs/eventually.ts";
import { type Running, start } from "../support/programs/pipe.ts";
import { pair, type Pair } from "../support/programs/sync-pair.ts";
import { lacking, lackingPidfd, lackingTrace } from "../support/programs/tools.ts";

/** The second stream shares the claim of the first one only with these rights. */
const skip = lackingPidfd();

const MIB = 2 ** 20;

/** Four parts. */
const source = noise("lost", 16 * MIB);
const old = noise("old", source.length);

/**
 * A copy whose first stream has written blocks and then waits, and whose second one has taken a part and waits too. These files lead it on:
 * `lost` ends the first connection, `again` lets its successor begin, and `gate` lets the second stream finish. With `late`, the program that
 * connects to the successor at the destination ends after it.
 */
interface Copy extends Pair {
  sync: Running;
  touch: (name: "lost" | "again" | "gate" | "late") => void;
}

/** The end that is on another host. */
type Remote = "destination" | "source";

/** The ways in which a destination on another host is special. */
interface Ways {
  /** The lost process does not notice that its connection has gone. */
  keeps?: boolean;
  /** False if the second stream has no right to share the claim of the first one. */
  mayShare?: boolean;
}

const REFUSING =
  "strace -f -qq -o /dev/null -e trace=pidfd_getfd -e inject=pidfd_getfd:error=EPERM";

/**
 * Lines of sh(1) for a remote shell whose first connection of the first stream carries a MiB. Stages at the source of the first stream have no
 * option that names it: those of the second, and of what takes its place, are told the size.
 */
const RSH: Readonly<Record<Remote, (ways: Ways) => string>> = {
  destination: ({ keeps = false, mayShare = true }) => `case $* in
*--part=1/2*) if mkdir seen 2>&-; then
  { { dd bs=64K count=16 2>&-; ${keeps ? "sleep 60" : "until [ -e lost ]; do sleep 0.1; done"}; } |
    setsid sh -c "echo \\$\\$ > pid; exec $*" 2>&1 >&3 3>&- | grep --line-buffered -v '"event":"error"' >&2; } 3>&1 ${keeps ? "<&4 &" : ""}
  until [ -e lost ]; do sleep 0.1; done
  exit 255
fi
until [ -e again ]; do sleep 0.1; done
if [ -e late ]; then sh -c "$*"; code=$?; exec <&- >&-; sleep 0.5; exit $code; fi;;
*--part=2/2*) { dd bs=64K count=4 2>&-; until [ -e gate ]; do sleep 0.1; done; cat; } | ${mayShare ? "" : REFUSING} sh -c "$*"
code=$?; : > ended; exit $code;;
esac`,
  source: () => `case $* in
*--source-size*) if mkdir second 2>&-; then
  sh -c "$*" | { dd bs=64K count=4 2>&-; until [ -e gate ]; do sleep 0.1; done; cat; }
  exit
fi
until [ -e again ]; do sleep 0.1; done;;
*retrieve*)
  { sh -c "$*" 2>&1 >&3 3>&- | grep --line-buffered -v '"event":"error"' >&2; } 3>&1 |
    { dd bs=64K count=16 2>&-; until [ -e lost ]; do sleep 0.1; done; }
  exit 255;;
esac`,
};

interface Options extends Ways {
  remote?: Remote;
  options?: readonly string[];
  /** The copy makes the destination. */
  isNew?: boolean;
  files?: Partial<Pair>;
}

async function begin(
  t: TestContext,
  { remote = "destination", options = [], files = {}, isNew = false, ...ways }: Options = {},
): Promise<Copy> {
  const destination = options.includes("--truncate") ? Buffer.concat([old, old]) : old;
  const copy = { ...pair(t, { source, destination }), ...files };
  const { folder, from, to } = copy;
  if (isNew) rmSync(to);
  const rsh = join(folder, "rsh");
  script(rsh, `shift; cd ${quote([folder])}; exec 4<&0\n${RSH[remote](ways)}\nexec sh -c "$*"`);
  const [a, b] = remote === "source" ? ["host:", ""] : ["", "host:"];
  const shell = ["-e", rsh, "--remote-command", quote(COMMAND), "--compress", "none"];
  const args = ["sync", "--streams", "2", "-v", ...shell, ...options, `${a}${from}`, `${b}${to}`];
  const sync = start(t, args, {});
  const touch: Copy["touch"] = (name) => writeFileSync(join(folder, name), "");
  defer(t, () => ["lost", "again", "gate"].forEach((name) => touch(name as "lost")));
  const wrote = (): boolean => {
    const offset = /stream 1 takes the part from (\d+) to/.exec(sync.stderr())?.[1];
    const at = Number(offset ?? Number.NaN);
    return offset !== undefined && bytesAt(to, at, 8).equals(source.subarray(at, at + 8));
  };
  await until(sync, "wrote a block of stream 1", wrote);
  await until(sync, "took a part", () => /stream 2 takes the part/.test(sync.stderr()));
  return { ...copy, sync, touch };
}

function until({ child, stderr }: Running, what: string, holds: () => boolean): Promise<void> {
  const found = (): boolean => {
    assert.equal(child.exitCode, null, stderr());
    return holds();
  };
  return eventually(found, { what, detail: stderr });
}

const LOSS =
  /^WARNING \(sync\): .*; stream 1 of 2 copies its parts again over a new connection \(1 of at most 3\)$/gm;

/** Ends the first connection, and waits until nothing of its stream is left. */
async function lose({ sync, touch }: Copy): Promise<void> {
  touch("lost");
  await until(sync, "warned", () => sync.stderr().match(LOSS) !== null);
}

/** Lets a new process take the place of the lost one. */
async function takeOver({ sync, touch }: Copy): Promise<void> {
  const parts = (): number => sync.stderr().match(/stream 1 takes the part/g)?.length ?? 0;
  const before = parts();
  touch("again");
  await until(sync, "took the parts again", () => parts() > before);
}

async function assertSurvives({ sync, touch, to }: Copy): Promise<void> {
  touch("gate");
  assert.deepEqual(await sync.ended, { code: EXIT.ok, signal: null }, sync.stderr());
  assertSame(readFileSync(to), source);
  assert.equal(sync.stderr().match(/^WARNING/gm)?.length, 1, sync.stderr());
  assert.match(sync.stderr(), /^ {2}16\.00 MiB read /m);
}

describe("the first connection is lost", { concurrency: true }, () => {
  test("the connection to the destination", { skip: skip || lacking("flock") }, async (t) => {
    const copy = await begin(t, {
      options: ["--lock", "--truncate", "--create", "--verify", "full", "-t"],
    });
    await lose(copy);
    assert.equal(spawnSync("flock", ["-n", copy.to, "true"]).status, 1, "it is not locked");
    await takeOver(copy);
    await assertSurvives(copy);
    assert.equal(statSync(copy.to).mtimeMs, statSync(copy.from).mtimeMs);
  });

  test("the connection to the source", { skip }, async (t) => {
    const copy = await begin(t, { remote: "source", options: ["--verify", "written"] });
    await lose(copy);
    await takeOver(copy);
    await assertSurvives(copy);
  });

  test("a new file", { skip }, async (t) => {
    const copy = await begin(t, { options: ["--create", "--verify", "full"], isNew: true });
    await lose(copy);
    await takeOver(copy);
    await assertSurvives(copy);
    assert.equal(statSync(copy.to).mode & 0o777, 0o600);
  });

  test(
    "a device stays claimed without a gap",
    { skip: skip || lackingLoop || isSingle },
    async (t) => {
      const { folder } = pair(t);
      const device = loopWith(t, folder, old);
      const copy = await begin(t, { files: { to: device.path } });
      const claim = (): void =>
        closeSync(
          openSync(device.path, constants.O_RDWR | constants.O_EXCL | constants.O_NONBLOCK),
        );
      assert.throws(claim, /EBUSY/);
      await lose(copy);
      assert.throws(claim, /EBUSY/);
      await takeOver(copy);
      assert.throws(claim, /EBUSY/);
      await assertSurvives(copy);
      assertSame(deviceContent(device), source);
      claim();
    },
  );

  test(
    "the lost process still runs: its successor waits until it has ended",
    { skip },
    async (t) => {
      const copy = await begin(t, { keeps: true });
      const stuck = Number(readFileSync(join(copy.folder, "pid"), "utf8"));
      defer(t, () => killGroup(stuck));
      process.kill(stuck, "SIGSTOP");
      await lose(copy);
      const taken = takeOver(copy);
      const hasGone = (): boolean => {
        const gone = commandOf(String(stuck)) === "";
        const again = copy.sync.stderr().match(/stream 1 takes the part from 0 /g)?.length === 2;
        assert.ok(gone || !again, "both work for the stream");
        return gone;
      };
      await eventually(hasGone, {
        what: "ended the process",
        everyMs: 5,
        detail: copy.sync.stderr,
      });
      await taken;
      await assertSurvives(copy);
    },
  );

  test("another file has got the name of an end", { skip }, async (t) => {
    for (const [remote, message] of [
      ["destination", /destination is another file or device than when the copy began/],
      ["source", /source is another file or device than when the copy began/],
    ] as const) {
      const copy = await begin(t, { remote });
      await lose(copy);
      const end = remote === "source" ? copy.from : copy.to;
      renameSync(end, `${end}.moved`);
      writeFileSync(end, old);
      copy.touch("again");
      const { code } = await copy.sync.ended;
      assertFailed({ code, stderr: copy.sync.stderr() }, EXIT.busy, "sync", message);
      assertSame(readFileSync(end), old, "the other file");
    }
  });

  test("the other stream has ended by then", { skip }, async (t) => {
    const copy = await begin(t);
    await lose(copy);
    copy.touch("gate");
    await until(copy.sync, "ended the other one", () => existsSync(join(copy.folder, "ended")));
    copy.touch("late");
    copy.touch("again");
    const { code } = await copy.sync.ended;
    const lost = /the connection to host was lost, or the stage there was killed/;
    assertFailed({ code, stderr: copy.sync.stderr() }, EXIT.cut, "sync", lost);
    assert.match(copy.sync.stderr(), /^WARNING \(sync\): no new connection: .*list of the parts/m);
  });

  test("a digest cache is not believed, and the new one is right", { skip }, async (t) => {
    const files = pair(t, { source: old, destination: old });
    const [cache, options] = [join(files.folder, "cache"), ["--block-size", "64K"]];
    await run(["sync", ...options, "--digest-cache", cache, files.from, files.to]);
    writeFileSync(files.from, source);
    const copy = await begin(t, { files, options: ["--digest-cache", cache] });
    await lose(copy);
    // A block that the lost process has written gets the content back that the cache has.
    const [, offset] = /stream 1 takes the part from (\d+)/.exec(copy.sync.stderr()) ?? [];
    const at = Number(offset);
    const expected = Buffer.from(source);
    old.copy(expected, at, at, at + 65_536);
    // In place: the next process may open the source at any time.
    writeFileSync(files.from, expected, { flag: "r+" });
    await takeOver(copy);
    copy.touch("gate");
    assert.equal((await copy.sync.ended).code, EXIT.ok, copy.sync.stderr());
    assertSame(readFileSync(files.to), expected);
    await assertTrue(cache, files.to, ["--digest", "blake3", ...options]);
  });

  test("the second stream cannot share the claim", { skip: lackingTrace() }, async (t) => {
    const copy = await begin(t, { mayShare: false });
    copy.touch("lost");
    const { code } = await copy.sync.ended;
    assert.equal(code, EXIT.cut, copy.sync.stderr());
    assert.match(lastLine(copy.sync.stderr()), /the connection to host was lost/);
    assert.doesNotMatch(copy.sync.stderr(), /new connection/);
  });
});
