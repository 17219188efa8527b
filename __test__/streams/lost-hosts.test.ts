// Copies over several connections between hosts, with sshd, that lose one of them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame, bytesAt } from "../support/files/bytes.ts";
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
import { killAtEnd } from "../support/programs/children.ts";
import { COMMAND, environment, EXIT, type Outcome, quote } from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { pair, type Pair } from "../support/programs/sync-pair.ts";
import { lossesIn } from "./losses.ts";

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
