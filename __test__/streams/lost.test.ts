// Copies over several connections that lose some of them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import type { Endpoint } from "../../src/sync/connection/endpoint.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { LostConnections } from "../../src/sync/failures/lost-connection.ts";
import { Side } from "../../src/sync/side.ts";
import { SharedList } from "../../src/transport/files/shared-list.ts";
import { assertSame, bytesAt } from "../support/files/bytes.ts";
import { defer } from "../support/cleanup.ts";
import {
  assertFailed,
  COMMAND,
  environment,
  EXIT,
  type Outcome,
  quote,
  run,
} from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { noise } from "../support/files/files.ts";
import { allGone, processesOn } from "../support/hosts/host-state.ts";
import {
  commandOf,
  environmentHere,
  type Far,
  lackingHosts,
  prefixHere,
  script,
} from "../support/hosts/hosts.ts";
import { makePipe, start } from "../support/programs/pipe.ts";
import { pair, type Pair } from "../support/programs/sync-pair.ts";

const skip = lackingHosts;

const MIB = 2 ** 20;

/** Four parts. */
const source = noise("lost", 16 * MIB);

const old = noise("old", source.length);

/** A copy between hosts whose second stream has written some blocks, and then waits. */
interface Copy extends Pair {
  stderr: () => string;
  ended: Promise<Pick<Outcome, "code" | "stderr">>;
}

/**
 * Starts a copy on the host without sshd. The first connection of its second stream to the destination carries a MiB and then nothing; the
 * others carry all once it has done that.
 */
async function begin(
  t: TestContext,
  [a, b]: readonly [string, string],
  options: readonly string[],
): Promise<Copy> {
  const files = pair(t, { source, destination: old });
  const [rsh = "", seen = "", gate = "", lost = ""] = ["rsh", "seen", "gate", "lost"].map((name) =>
    join(files.folder, name),
  );
  script(
    rsh,
    `case $* in
*--part=2/2*) if mkdir ${quote([seen])} 2>/dev/null; then
  { head -c ${MIB}; while ! [ -e ${quote([lost])} ]; do sleep 0.1; done; } | ssh "$@"
  exit $?
fi;;
*--part=*) { head -c 65536; while ! [ -e ${quote([gate])} ]; do sleep 0.1; done; cat; } | ssh "$@"
exit $?;;
esac
exec ssh "$@"`,
  );
  const args = ["--streams", "2", "--compress", "none", "--verbose", "-e", rsh, ...options];
  const [program = "", ...words] = [...prefixHere(), ...COMMAND, "sync", ...args];
  const child = spawn(program, [...words, `${a}${files.from}`, `${b}${files.to}`], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
    env: environment(environmentHere()),
  });
  killAtEnd(t, child);
  let text = "";
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const stderr = (): string => text;
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, stderr: text })),
  );
  const isWaiting = (): boolean => {
    assert.equal(child.exitCode, null, text);
    const offset = /stream 2 takes the part from (\d+) to/.exec(text)?.[1];
    const at = Number(offset ?? Number.NaN);
    return offset !== undefined && !bytesAt(files.to, at, 8).equals(old.subarray(at, at + 8));
  };
  await eventually(isWaiting, { what: "wrote a block of stream 2", detail: stderr });
  writeFileSync(gate, "");
  return { ...files, stderr, ended };
}

/** Returns the only process of a stage on a host, once there is one and no other. */
async function onlyStage(host: Far, pattern: RegExp): Promise<number> {
  let found: number[] = [];
  const find = (): boolean => {
    const isStage = (command: string): boolean =>
      /^\S*node .*main\.js /.test(command) && pattern.test(command);
    found = processesOn(host).flatMap(({ pid, command }) => (isStage(command) ? pid : []));
    return found.length === 1;
  };
  await eventually(find, { what: `ran one ${pattern} on ${host}` });
  return found[0] ?? 0;
}

/** Kills the session of sshd that a stage of a copy belongs to. */
function killSession({ folder }: Copy, stage: number): void {
  writeFileSync(join(folder, "lost"), "");
  for (let at = stage; at > 1; at = parentOf(at)) {
    if (commandOf(String(at)).startsWith("sshd: ")) {
      process.kill(at, "SIGKILL");
      return;
    }
  }
  throw new Error(`process ${stage} belongs to no session`);
}

function parentOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
}

/** The lines about connections that were lost. */
function lossesIn(stderr: string): string[] {
  return stderr.split("\n").filter((line) => /^WARNING.* new connection/.test(line));
}

/** Asserts that a copy has survived the loss of one connection, and that its summary counts each byte once. */
async function assertSurvives(copy: Copy, host: Far): Promise<void> {
  const { code, stderr } = await copy.ended;
  assert.equal(code, EXIT.ok, stderr);
  assertSame(readFileSync(copy.to), source);
  const [line = "", ...more] = lossesIn(stderr);
  assert.deepEqual(more, []);
  assert.match(
    line,
    /^WARNING \(sync\): the connection to (\w+) was lost, .*; stream 2 of 2 copies its parts again over a new connection \(1 of at most 3\)$/,
  );
  assert.ok(line.includes(`connection to ${host} was lost`), line);
  assert.match(stderr, /^ {2}16\.00 MiB read /m);
  await allGone(10);
}

test("a connection to the source is lost", { skip }, async (t) => {
  const copy = await begin(t, ["one:", "two:"], ["--verify", "written"]);
  // The others are done, and have ended.
  killSession(copy, await onlyStage("one", / retrieve /));
  await assertSurvives(copy, "one");
});

test("the lost process still runs: its successor waits until it has ended", { skip }, async (t) => {
  const copy = await begin(t, ["", "one:"], ["--verify", "full"]);
  const stuck = await onlyStage("one", / receive .*--part=2\/2/);
  process.kill(stuck, "SIGSTOP");
  killSession(copy, stuck);
  let looks = 0;
  const hasGone = (): boolean => {
    // Both streams have opened it, and the successor would be the third one.
    const isOpen = (copy.stderr().match(/: a regular file, written /g)?.length ?? 0) > 2;
    const gone = commandOf(String(stuck)) === "";
    assert.ok(gone || !isOpen, "both have the destination open");
    looks += Number(!gone);
    return gone;
  };
  await eventually(hasGone, { what: "ended the process", everyMs: 5, detail: copy.stderr });
  assert.ok(looks > 10);
  await assertSurvives(copy, "one");
  assert.match(copy.stderr(), /^ {2}all parts read back and equal to the source, by 2 streams$/m);
});

/** A remote shell that loses the connections of the second stream: each carries a MiB, in reads of 64 KiB. The first stream waits for that. */
interface Loss {
  what: string;
  /** The filter for what the stage says. */
  says?: string;
  options?: readonly string[];
  /** Lines about new connections. */
  warnings: readonly RegExp[];
  code?: number;
  message: RegExp;
}

const LOST = /the connection to host was lost, .*: Connection to host closed; run it again/;

const LOSSES: readonly Loss[] = [
  {
    what: "too many connections",
    warnings: [
      /stream 2 of 2 .* \(1 of at most 3\)/,
      /stream 2 of 2 .* \(2 of at most 3\)/,
      /stream 2 of 2 .* \(3 of at most 3\)/,
      /stream 2 of 2 gets no new connection: 3 were lost before/,
    ],
    message: LOST,
  },
  {
    what: "a stage that has failed by itself",
    says: `sed -u 's/"consequence":true/"consequence":false/'`,
    warnings: [],
    code: EXIT.protocol,
    message: /on host: incomplete read of block data/,
  },
];

describe("a copy that cannot survive", { concurrency: true }, () => {
  for (const { what, says, options, warnings, code, message } of LOSSES) {
    test(what, async (t) => {
      const { folder, from, to } = pair(t, { source, destination: old });
      const rsh = join(folder, "rsh");
      const filter = says ?? `grep --line-buffered -v '"event":"error"'`;
      script(
        rsh,
        `shift
case $* in
*--part=2/2*) { { dd bs=64K count=16 2>&-; touch gate; until [ -e other ]; do sleep 0.1; done; } | sh -c "$*" 2>&1 >&3 3>&- | ${filter} >&2; } 3>&1
echo "Connection to host closed." >&2
exit 255;;
*--part=*) { dd bs=64K count=4 2>&-; touch other; until [ -e gate ]; do sleep 0.1; done; cat; } | sh -c "$*"
exit $?;;
esac
exec sh -c "$*"`,
      );
      const remote = ["-e", rsh, "--remote-command", quote(COMMAND), "--compress", "none"];
      const args = ["sync", "--streams", "2", ...remote, ...(options ?? []), from, `host:${to}`];
      const outcome = await run(args, { cwd: folder });
      assertFailed(outcome, code ?? EXIT.cut, "sync", message);
      const losses = lossesIn(outcome.stderr);
      assert.equal(losses.length, warnings.length, outcome.stderr);
      warnings.forEach((warning, index) => assert.match(losses[index] ?? "", warning));
    });
  }
});

test("an audit counts what the lost process has repaired", async (t) => {
  const { folder, from, to } = pair(t, { source, destination: old });
  writeFileSync(join(folder, "map"), `0 ${4 * MIB}\n`);
  const rsh = join(folder, "rsh");
  script(
    rsh,
    `shift
case $* in
*--part=2/2*) if mkdir seen 2>&-; then
  { { dd bs=64K count=16 2>&-; touch gate; } | sh -c "$*" 2>&1 >&3 3>&- | grep --line-buffered -v '"event":"error"' >&2; } 3>&1
  echo "Connection to host closed." >&2
  exit 255
fi;;
*--part=*) { dd bs=64K count=4 2>&-; until [ -e gate ]; do sleep 0.1; done; cat; } | sh -c "$*"
exit $?;;
esac
exec sh -c "$*"`,
  );
  const remote = ["-e", rsh, "--remote-command", quote(COMMAND), "--compress", "none"];
  const audit = ["--ranges", "map", "--audit", "100%"];
  const args = ["sync", "--json", "--streams", "2", ...audit, ...remote, from, `host:${to}`];
  const outcome = await run(args, { cwd: folder });
  assert.equal(outcome.code, EXIT.incompleteMap, outcome.stderr);
  assertSame(readFileSync(to), source);
  assert.equal(lossesIn(outcome.stderr).length, 1, outcome.stderr);
  const found = /ERROR \(sync\): 96 blocks \(12\.00 MiB\) of .*, the first at offset 4194304;/;
  assert.match(outcome.stderr, found);
});

test("a host that cannot be reached for some seconds", async (t) => {
  const { folder, from, to } = pair(t, { source, destination: old });
  const rsh = join(folder, "rsh");
  script(
    rsh,
    `shift
case $* in
*--part=2/2*) if mkdir seen 2>&-; then
  { { dd bs=64K count=16 2>&-; touch gate; } | sh -c "$*" 2>&1 >&3 3>&- | grep --line-buffered -v '"event":"error"' >&2; } 3>&1
  echo "Connection to host closed." >&2
  exit 255
elif mkdir one 2>&- || mkdir two 2>&-; then
  echo "ssh: connect to host port 22: No route to host" >&2
  exit 255
fi
touch back;;
*--part=*) { dd bs=64K count=4 2>&-; until [ -e back ]; do sleep 0.1; done; cat; } | sh -c "$*"
exit $?;;
esac
exec sh -c "$*"`,
  );
  const remote = ["-e", rsh, "--remote-command", quote(COMMAND), "--compress", "none"];
  const args = ["sync", "--streams", "2", ...remote, from, `host:${to}`];
  const { code, stderr } = await run(args, { cwd: folder });
  assert.equal(code, EXIT.ok, stderr);
  assertSame(readFileSync(to), source);
  const lines = stderr.match(/^WARNING .*$/gm) ?? [];
  const failed = "no connection to host: ssh: connect to host port 22: No route to host";
  assert.match(lines[0] ?? "", /stream 2 of 2 copies its parts again over a new connection \(1 of/);
  assert.deepEqual(lines.slice(1), [
    `WARNING (sync): stream 2 of 2: ${failed}; next attempt in 1 s`,
    `WARNING (sync): stream 2 of 2: ${failed}; next attempt in 5 s`,
  ]);
});

test("after some attempts, a stream gets no new connection", () => {
  const end = { kind: "remote", host: "host", path: "/x" } as Endpoint;
  const warnings: string[] = [];
  const lost = new LostConnections((message) => warnings.push(message));
  let side = new Side(end, "destination");
  side.take('{"event":"begin","total":null,"process":"7/8"}');
  const decide = (): [number, boolean] => {
    const ends = [{ side, status: { code: 255 } }];
    const stream = { number: 2, count: 2, ends, isJoinable: true };
    assert.equal(lost.pauseAfter({ ...stream, isJoinable: false }), 0);
    const pause = lost.pauseAfter(stream);
    const isReplaced = lost.mayReplace(stream);
    side = new Side(end, "destination", { before: side });
    return [pause, isReplaced];
  };
  const attempts = [1000, 5000, 15_000, 30_000].map((pause) => [pause, true]);
  assert.deepEqual(decide(), [0, true]);
  assert.deepEqual(attempts.map(decide), attempts);
  assert.deepEqual(decide(), [0, false]);
  assert.equal(warnings.length, 5);
});

test("two processes of one stream", async (t) => {
  const { folder, to } = pair(t);
  const list = openSync(join(folder, "list"), "w+");
  defer(t, () => closeSync(list));
  const copy = { size: 5_255_225, openEnded: true, streams: 2, length: 4 * MIB, parts: 2 };
  const queue = SharedList.create({ makeMemoryFile: () => list }, JSON.stringify(copy)).name;
  const args = ["receive", "--part=2/2", `--queue=${queue}`, "--force", "--verbose", to];
  const [stdin, stdout] = [makePipe(t), makePipe(t)];
  const one = start(t, args, { stdin: stdin.reader.fd, stdout: stdout.writer.fd });
  await eventually(() => one.stderr().includes("stream 2 takes the part"), { what: "took a part" });
  const other = await run(args);
  assert.equal(other.code, EXIT.cut, other.stderr);
  assert.match(other.stderr, /another process already copies the parts of stream 2/);
});
