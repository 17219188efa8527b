// The programs that `sync` starts: how they are called, what is left running after them, and what they may print.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  assertFailed,
  bash,
  blockcopy,
  execute,
  EXIT,
  lastLine,
  PROJECT,
  quote,
  run,
} from "../support/programs/cli.ts";
import { script } from "../support/hosts/hosts.ts";
import { assertSynced, pair, type Pair } from "../support/programs/sync-pair.ts";

/** A pair, and a program of this name in its folder that runs `body` with the command for the other host as `$last`. */
function connecting(t: TestContext, body: string, name = "rsh"): Pair & { rsh: string } {
  const files = pair(t);
  const rsh = join(files.folder, name);
  script(rsh, `for last; do :; done\n${body}`);
  return { ...files, rsh };
}

/** Options that make `sync` run this program in place of another host's. */
function there(rsh: string): string[] {
  return ["-e", rsh, "--remote-command", blockcopy()];
}

for (const [what, body] of [
  ["has left a process running", 'sleep 50 >/dev/null &\nexec sh -c "$last"'],
  [
    "prints one endless line",
    "head -c 30000000 /dev/zero | tr '\\0' x >&2\necho >&2\nexec sh -c \"$last\"",
  ],
  ["prints more lines than are read", 'yes talk | head -n 300000 >&2\nexec sh -c "$last"'],
] as const) {
  test(`the remote shell ${what}`, async (t) => {
    const { rsh, from, to } = connecting(t, body);
    assertSynced(await run(["sync", ...there(rsh), from, `host:${to}`], { timeoutMs: 30_000 }), to);
  });
}

test("the remote shell has left a process that keeps the block stream of a delta open", async (t) => {
  const { rsh, folder, from, to } = connecting(t, 'sleep 50 2>&- &\nexec sh -c "$last"');
  const delta = join(folder, "delta");
  const args = ["sync", ...there(rsh), "--delta", delta, `host:${from}`, to];
  const outcome = await run(args, { timeoutMs: 30_000 });
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assertSynced(await run(["save", to], { stdin: readFileSync(delta) }), to);
});

test("a stage does not take the user's login to this host for the one of sync to its host", async (t) => {
  const login = "192.0.2.1 50000 192.0.2.2 22";
  // ssh may be told to ask for it (`Match exec` of ssh_config), and passes it to no host.
  for (const [name, expected] of [
    ["rsh", ""],
    ["ssh", login],
  ] as const) {
    const body = 'echo "<$SSH_CONNECTION>" > "${0%/*}/login"\nexec sh -c "$last"';
    const { rsh, folder, from, to } = connecting(t, body, name);
    const env = { SSH_CONNECTION: login };
    assertSynced(await run(["sync", ...there(rsh), from, `host:${to}`], { env }), to);
    assert.equal(readFileSync(join(folder, "login"), "utf8"), `<${expected}>\n`);
  }
});

test("a wrapper is ended together with what it has started", async (t) => {
  const { rsh, folder } = connecting(t, 'echo $$ >&2\nsleep 50 & echo $! > "${0%/*}/pid"\nwait');
  const outcome = await run(["sync", ...there(rsh), "host:/s", join(folder, "missing")], {
    timeoutMs: 30_000,
  });
  assertFailed(outcome, EXIT.missing, "sync", /missing/);
  const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
  const state = await bash(`ps -o stat= -p ${pid}`);
  // A process that has not been waited for yet (Z) has ended, too.
  assert.match(state.stdout.toString().trim(), /^(?:Z.*)?$/);
});

test("too few descriptors are named as what they are", async (t) => {
  const { rsh, from, to } = connecting(t, 'exec sh -c "$last"');
  const local = ["sync", "-q", "--streams", "8", "--verify", "written", from, to];
  const remote = ["sync", "-q", "--streams", "4", ...there(rsh), from, `host:${to}`];
  for (const [limit, ...commands] of [
    [20, local],
    [31, remote],
    [32, local, remote],
    [36, local, remote],
    [48, remote],
  ] as const) {
    for (const args of commands) {
      const { code, stderr } = await bash(`ulimit -n ${limit}; ${blockcopy(...args)}`);
      if (code !== EXIT.ok) {
        assert.match(
          lastLine(stderr),
          /EMFILE|too many open files|fewer than 32 files/i,
          `${limit}: ${stderr}`,
        );
        assert.ok(code === EXIT.busy || code === EXIT.io, `${limit}: ${code}, ${stderr}`);
      }
    }
  }
});

for (const [version, has, lacks] of [
  ["OpenSSH_9.2p1 Debian", /RemoteCommand=none.*StdinNull=no.*SessionType=default/, /ControlPath/],
  ["OpenSSH_7.9p1", /ClearAllForwardings=yes.*RemoteCommand=none/, /StdinNull/],
  ["OpenSSH_7.4p1", /-T .*PermitLocalCommand=no.*ControlMaster=no/, /RemoteCommand/],
  ["Dropbear v2022.83", /-T$/, /ClearAllForwardings/],
] as const) {
  test(`${version} is told that it is for a copy`, async (t) => {
    const body = `[ "$last" = -V ] && echo "${version}" >&2 && exit
echo "$*" > "\${0%/*}/args"
exec sh -c "$last"`;
    const { rsh, folder, from, to } = connecting(t, body, "ssh");
    assertSynced(await run(["sync", ...there(`${rsh} -p 7`), from, `host:${to}`]), to);
    const [options = ""] = readFileSync(join(folder, "args"), "utf8").split(" host ");
    assert.match(options, /^-p 7 /);
    assert.match(options, has);
    assert.doesNotMatch(options, lacks);
  });
}

for (const [options, shown] of [
  ["-e 'sshpass -p hunter2 ssh'", /--rsh/],
  ["-e 'env SSHPASS=hunter2 sshpass -e ssh'", /--rsh/],
  [`-e "ssh -o 'ProxyCommand connect hunter2 %h'"`, /--rsh/],
  ["-e 'ssh -o SetEnv=PASSWORD=hunter2'", /--rsh/],
  [`-e "sshpass -p 'hunter2 ssh"`, /--rsh/],
  ["-e $'sshpass -p hunter2\\xff ssh'", /--rsh is not UTF-8/],
  ["--remote-command $'env TOKEN=hunter2\\xff b'", /--remote-command is not UTF-8/],
  [`--remote-command "env TOKEN='' 'hunter2!' b"`, /: ssh .* <the command of --remote-command> /],
  [`--wire 0.0.2 --remote-command "env TOKEN=hunter2'' b"`, /<the command of --remote-command> /],
] as const) {
  test(`the password in ${options} is not shown`, async (t) => {
    const { from, to } = pair(t);
    const folder = connecting(t, "exit 255", "ssh").folder;
    script(join(folder, "sshpass"), "exit 255");
    for (const how of ["-v", "--json"]) {
      const outcome = await bash(
        `PATH=${quote([folder])}:$PATH; ${blockcopy("sync", how)} ${options} ${quote([from, `host:${to}`])}`,
      );
      assert.notEqual(outcome.code, EXIT.ok);
      assert.doesNotMatch(outcome.stderr + outcome.stdout.toString(), /hunter2/);
      if (how === "-v") assert.match(outcome.stderr, shown);
    }
  });
}

/** The messages of a stage on another host, as a script for sh(1). */
function saying(...events: object[]): string {
  const hello = { event: "hello", blockcopy: "0.1.0", events: 1 };
  const lines = [hello, ...events].map((event) => `echo ${quote([JSON.stringify(event)])} >&2`);
  return lines.join("\n");
}

test("a stage without a reader does not make that the end of sync", async (t) => {
  const error = { event: "error", message: "no process reads", advice: "look", code: 141 };
  for (const consequence of [true, false]) {
    const { rsh, from, to } = connecting(t, `${saying({ ...error, consequence })}\nexit 141`);
    const outcome = await run(["sync", ...there(rsh), from, `host:${to}`]);
    assertFailed(outcome, EXIT.cut, "sync", /on host: no process reads/);
  }
});

test("the end of a connection is the failure, and not what followed from it on the other host", async (t) => {
  const talks = "{ for line in 1 2 3 4 5 6 7 8 9; do echo late >&2; sleep 0.05; done; } &";
  for (const [what, one, two] of [
    ["the stage that has lost its reader ends first", "exit 141", "sleep 0.5; exit 255"],
    ["the lines of the connection come late", "sleep 0.3; exit 3", `${talks} exit 255`],
  ] as const) {
    await t.test(what, async () => {
      const { rsh, folder } = connecting(
        t,
        `${saying()}\ncase "$*" in *retrieve*) ${one};; *) ${two};; esac`,
      );
      const ends = [`one:${folder}/a`, `two:${folder}/b`];
      const outcome = await run(["sync", ...there(rsh), ...ends]);
      assertFailed(outcome, EXIT.cut, "sync", /the connection to two was lost/);
    });
  }
});

test("a signal to the program that connects ends the connection, not the stage", async (t) => {
  const { rsh, from, to } = connecting(t, `${saying()}\nkill -KILL $$`);
  const outcome = await run(["sync", ...there(rsh), from, `host:${to}`]);
  const message = /the connection to host was lost: the program here .* ended by SIGKILL; run it/;
  assertFailed(outcome, EXIT.cut, "sync", message);
});

test("numbers that are too large for JSON neither hang it nor count", async (t) => {
  const spent = '{"elapsed":1e999,"cpu":0,"threads":1,"input":0,"output":0}';
  const progress = `{"event":"progress","done":1,"counts":{},"spent":${spent}}`;
  const { rsh, from, to } = connecting(t, `${saying()}\necho '${progress}' >&2\nexit 3`);
  const outcome = await run(["sync", ...there(rsh), from, `host:${to}`]);
  assertFailed(outcome, EXIT.cut, "sync", /on host/);
});

test("the exit code of sync is one of its own, whatever another host says", async (t) => {
  for (const { said, code } of [
    { said: 77, code: EXIT.permission },
    { said: 70, code: EXIT.busy },
    { said: 1, code: EXIT.protocol },
    { said: 255, code: EXIT.protocol },
  ]) {
    const error = { event: "error", message: "what it says", advice: "look", code: said };
    // The stage here ends first then, because its stream has.
    for (const end of ["exit 1", "exec >&-; sleep 0.3; exit 1"]) {
      const { rsh, from, to } = connecting(t, `${saying(error)}\n${end}`);
      const outcome = await run(["sync", ...there(rsh), from, `host:${to}`]);
      assertFailed(outcome, code, "sync", /on host: what it says/);
    }
  }
});

test("of endless and long warnings, some are shown", async (t) => {
  const long = "w".repeat(100_000);
  const warnings = Array.from({ length: 300 }, (_, place) => ({
    event: "warning",
    message: `${place} ${place === 7 ? long : ""}`,
  }));
  const { rsh, from, to } = connecting(t, `${saying(...warnings)}\nexit 1`);
  const { stderr } = await run(["sync", ...there(rsh), from, `host:${to}`]);
  assert.equal(stderr.match(/^WARNING \(sync\): host: \d+/gm)?.length, 100, stderr.slice(-3000));
  assert.match(stderr, /further warnings from host are not shown/);
  assert.doesNotMatch(stderr, /w{5000}/);
});

const FULL_CHANNEL = `
import { loadAddon } from "${PROJECT}/src/native/load.ts";
import { PipeEnds } from "${PROJECT}/src/transport/processes/pipes.ts";
async function* preface() { yield Buffer.alloc(1024 * 1024); }
let tell;
const control = { opened: (given) => { tell = given; } };
new PipeEnds(loadAddon(), [{ to: 0, control, preface: preface() }]);
setTimeout(() => { tell("one"); tell("two"); }, 300);
setTimeout(() => process.kill(process.pid, "SIGKILL"), 600);
`;

test("a control channel whose program reads nothing does not stop sync", async () => {
  const node = [process.execPath, "--import", "tsx", "--input-type=module", "-e", FULL_CHANNEL];
  const { signal } = await execute(node, { timeoutMs: 20_000, cwd: PROJECT });
  assert.equal(signal, "SIGKILL", "it goes on");
});
