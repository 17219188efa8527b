// A stage that falls silent while its connection lives is given up: nothing else would ever end the copy.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { SyncError } from "../../src/sync/failures/sync-error.ts";
import type { Listener } from "../../src/sync/listener.ts";
import { Side } from "../../src/sync/side.ts";
import type { Silence } from "../../src/sync/silence.ts";
import { stageProgram } from "../../src/sync/stage-program.ts";
import {
  assertFailed,
  bash,
  blockcopy,
  COMMAND,
  EXIT,
  quote,
  run,
} from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { start } from "../support/programs/pipe.ts";
import { END } from "../support/programs/stand-in.ts";
import { script } from "../support/hosts/hosts.ts";
import { assertSynced, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { lacking, system } from "../support/programs/tools.ts";

const skip = lacking("setsid");

/** Without a terminal, as from cron. */
const prefix = ["setsid", "--wait"];

/** Runs the stage of the far end, and stops it soon after its engine has started: by then it has said something. */
const STOPPED = `for word; do command=$word; done
sh -c "$command" <&0 & far=$!
tries=0
until grep -qs blockcopy-io /proc/$far/task/*/comm || [ $((tries += 1)) -gt 600 ]; do sleep 0.05; done
sleep 0.5; kill -STOP $far
sleep 20; kill -KILL $far`;

const HANGS = "exec sleep 20";

const FLOODS = "while :; do seq 1000; sleep 0.1; done >&2";

/** Ends long after the stage, as ssh does while another process on the host has the connection open. */
const STAYS = `for word; do command=$word; done
sh -c "$command"; exec sleep 20`;

for (const { title, rsh, ends, said } of [
  {
    title: "a destination that was stopped",
    rsh: STOPPED,
    ends: "push",
    said: /stage at the destination on host has said nothing for 3 seconds/,
  },
  {
    title: "a source that was stopped",
    rsh: STOPPED,
    ends: "pull",
    said: /stage at the source on host has said nothing for 3 seconds/,
  },
  {
    title: "a connection that stays open after the end of its stage",
    rsh: STAYS,
    ends: "push",
    said: /stage at the destination on host is done, .* open for 3 seconds: .*; .*host true` ends at once, .*profile/,
  },
  {
    title: "a host that never answers",
    rsh: HANGS,
    ends: "pull",
    said: /host has not answered for 3 seconds/,
  },
  {
    title: "a host that prints without end, and is no stage,",
    rsh: FLOODS,
    ends: "push",
    said: /host has not answered for 3 seconds/,
  },
] as const) {
  test(`${title} is given up`, { skip }, async (t) => {
    const { folder, from, to } = pair(t);
    script(join(folder, "rsh"), rsh);
    const [source, destination] = ends === "push" ? [from, `host:${to}`] : [`host:${from}`, to];
    const far = ["-e", join(folder, "rsh"), "--remote-command", quote(COMMAND)];
    const options = ["--timeout", "3", "--bwlimit", "500K", "--compress", "none", ...far];
    const outcome = await run(["sync", ...options, source, destination], { prefix });
    assertFailed(outcome, EXIT.cut, "sync", said);
  });
}

test("a stage is replaced only until it is done", () => {
  const side = new Side({ kind: "local", path: "/a" }, "destination");
  let endAlone: (error: SyncError) => boolean = () => false;
  const watch = { begin() {}, heard() {}, printed() {}, loggedIn() {}, done() {}, end() {} };
  const silence = {
    watch: (_end: unknown, _what: string, end: typeof endAlone) => {
      endAlone = end;
      return watch;
    },
  } as unknown as Silence;
  const listener = { of: () => (line: string) => side.take(line) } as unknown as Listener;
  const observers = { silence, listener, isReplaceable: () => true };
  const program = stageProgram(side, { command: () => ["true"] }, observers);
  let ends = 0;
  program.onStart?.(() => (ends += 1));
  const error = new SyncError("silent", "wait", EXIT.cut);
  assert.equal(endAlone(error), true);
  program.onLine(END);
  assert.ok(side.report !== undefined);
  assert.equal(endAlone(error), false);
  assert.equal(ends, 1);
});

test("a host that does not take what is sent there is given up", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  for (const instead of [HANGS, FLOODS]) {
    // First it says that there is no blockcopy; what is then sent there is never read.
    const found =
      "blockcopy is missing; node=$(node -v),linux,x64,9.99; system=Linux x86_64; PATH=/bin";
    script(
      join(folder, "rsh"),
      `case $* in *input-type*) ${instead} ;; esac; echo "${found}" >&2; exit 127`,
    );
    const far = ["-e", join(folder, "rsh"), "--timeout", "2"];
    const outcome = await run(["sync", ...far, from, `host:${to}`], { prefix });
    assertFailed(outcome, EXIT.cut, "sync", /host has not answered for 2 seconds/);
  }
});

for (const { title, also } of [
  { title: "a destination that never answers", also: [] },
  { title: "two destinations that never answer", also: ["host:/two"] },
])
  test(`a signal does not wait for ${title}`, async (t) => {
    const { folder, from } = pair(t);
    script(join(folder, "rsh"), `touch ${quote([join(folder, "connecting")])}; exec sleep 60`);
    const running = start(t, ["sync", "-e", join(folder, "rsh"), from, "host:/one", ...also], {});
    await eventually(() => existsSync(join(folder, "connecting")), { what: "begun to connect" });
    process.kill(running.pid, "SIGTERM");
    const patience = setTimeout(20_000, "still there", { ref: false });
    assert.deepEqual(await Promise.race([running.ended, patience]), { code: 143, signal: null });
  });

test("the time in which the copy itself was stopped does not count", { skip }, async (t) => {
  const { from, to } = pair(t, { destination: Buffer.alloc(SOURCE.length) });
  const options = ["sync", "--timeout", "3", "--bwlimit", "2M", "--compress", "none", from, to];
  const child = spawn("setsid", [...COMMAND, ...options], { stdio: "ignore" });
  const ended = once(child, "exit");
  await setTimeout(1500);
  assert.ok(child.pid !== undefined);
  process.kill(-child.pid, "SIGSTOP");
  await setTimeout(4500);
  process.kill(-child.pid, "SIGCONT");
  const [code] = (await ended) as [number | null];
  assertSynced({ code, signal: null, stdout: Buffer.alloc(0), stderr: "" }, to);
  assert.ok(readFileSync(to).equals(SOURCE));
});

test(
  "a host that stops while it is sent the program is given up on a terminal, too",
  { skip: lacking("script") },
  async (t) => {
    const { folder, from, to } = pair(t);
    const [rsh, path] = [join(folder, "rsh"), join(folder, "path")];
    mkdirSync(path);
    for (const tool of ["sh", "uname", "id", "find", "wc", "sha256sum"])
      symlinkSync(system("which", tool), join(path, tool));
    const other = `exec ${process.execPath} "$@"`;
    script(join(path, "node"), `case "$*" in *input-type*) exec /bin/sleep 60;; esac\n${other}`);
    script(rsh, `for last; do :; done\nexec env -i PATH=${path} HOME=${folder} sh -c "$last"`);
    const command = blockcopy("sync", "--timeout", "2", "-e", rsh, from, `host:${to}`);
    const { stdout } = await bash(`script -qec ${quote([command])} /dev/null < /dev/null`, {
      timeoutMs: 20_000,
    });
    assert.match(stdout.toString(), /the installation of blockcopy on host has said nothing for 2/);
  },
);
