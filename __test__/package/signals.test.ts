// Signals while the program starts, and while it runs.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bash, blockcopy, COMMAND, environment, EXIT } from "../support/programs/cli.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { eventually } from "../support/programs/eventually.ts";
import { makePipe, start, type Running } from "../support/programs/pipe.ts";
import { pair, unlike } from "../support/programs/sync-pair.ts";

const [PROGRAM = ""] = COMMAND;

/** True if a process listens for connections: its sockets are in the kernel's table of those in the state LISTEN (0A). */
async function listens(pid: number): Promise<boolean> {
  const { stdout } = await bash(
    `for f in /proc/${pid}/fd/*; do readlink "$f"; done | sed -n 's/^socket:\\[\\(.*\\)\\]$/\\1/p'; echo; awk '$4 == "0A" { print $10 }' /proc/net/tcp /proc/net/tcp6`,
  );
  const [own = "", listening = ""] = stdout.toString().split("\n\n");
  const sockets = listening.split("\n");
  return own.split("\n").some((socket) => socket !== "" && sockets.includes(socket));
}

/** Waits until a process catches or ignores a signal: no program can do anything about one that comes before. See proc_pid_status(5). */
async function caught(signal: "SIGUSR1", pid: number): Promise<void> {
  const bit = 1n << BigInt(constants.signals[signal] - 1);
  const handled = (): boolean => {
    const masks = readFileSync(`/proc/${pid}/status`, "latin1").matchAll(
      /^Sig(?:Ign|Cgt):\s*(\w+)$/gm,
    );
    return Array.from(masks).some(([, mask = "0"]) => (BigInt(`0x${mask}`) & bit) !== 0n);
  };
  await eventually(handled, { what: `caught or ignored ${signal}`, everyMs: 1 });
}

test("SIGUSR1 at any time of the start opens nothing and ends nothing", async (t) => {
  const { to } = pair(t);
  for (const delay of [0, 10, 30, 60]) {
    const child = spawn(PROGRAM, ["save", to], {
      stdio: ["pipe", "ignore", "pipe"],
      env: environment(),
    });
    killAtEnd(t, child);
    await caught("SIGUSR1", child.pid ?? 0);
    await sleep(delay);
    for (let count = 0; count < 5; count += 1) child.kill("SIGUSR1");
    await sleep(200);
    assert.equal(child.exitCode ?? child.signalCode, null, `after ${delay} ms`);
    assert.equal(await listens(child.pid ?? 0), false, `after ${delay} ms`);
    child.stdin.end();
    const [code] = (await once(child, "exit")) as [number];
    assert.equal(code, EXIT.protocol);
  }
});

/** Sends SIGUSR1 until the answer is there. */
async function asked(running: Running, pattern: RegExp): Promise<void> {
  await caught("SIGUSR1", running.pid);
  await eventually(
    () => {
      running.child.kill("SIGUSR1");
      return pattern.test(running.stderr());
    },
    { what: `said ${pattern}`, everyMs: 50, detail: running.stderr },
  );
}

for (const [name, args, pattern] of [
  ["checksum", ["checksum", "-"], /^blockcopy checksum: 0 bytes read$/m],
  ["retrieve", ["retrieve"], /^blockcopy retrieve: 0 bytes compared$/m],
  ["save", ["save"], /^blockcopy save: 0 bytes written to the disk$/m],
  ["inspect", ["inspect"], /^blockcopy inspect: 0 bytes read$/m],
  ["receive", ["receive"], /^(\{"event":"progress".*\n){2}/m],
] as const)
  test(`${name} says on SIGUSR1 how far it is`, async (t) => {
    const { from } = pair(t);
    const [stdin, stdout] = [makePipe(t), makePipe(t)];
    const file = ["retrieve", "save", "receive"].includes(name) ? [from] : [];
    const streams = { stdin: stdin.reader.fd, stdout: stdout.writer.fd };
    const running = start(t, [...args, ...file], streams);
    stdin.reader.close();
    await asked(running, pattern);
    running.child.kill("SIGTERM");
    assert.equal((await running.ended).code, 143);
  });

test("sync --json tells on SIGUSR1 how far it is, as an event", async (t) => {
  const { folder, from, to } = unlike(t, 40);
  const output = join(folder, "events");
  const file = await open(output, "w");
  t.after(() => file.close());
  const args = ["sync", "--json", "--bwlimit=1M", "--compress=none", from, to];
  const running = start(t, args, { stdout: file.fd });
  const count = (): number => readFileSync(output, "utf8").split('"event":"progress"').length - 1;
  await eventually(() => count() > 0, { what: "told how far it is", detail: running.stderr });
  // Without a signal, it tells once a second: more than two times in a fifth of a second are answers.
  const burst = async (): Promise<boolean> => {
    const before = count();
    for (let signals = 0; signals < 10; signals += 1) {
      running.child.kill("SIGUSR1");
      await sleep(20);
    }
    return count() > before + 2;
  };
  await eventually(burst, { what: "answered three of ten signals", seconds: 4 });
  running.child.kill("SIGTERM");
  await running.ended;
  assert.doesNotMatch(running.stderr(), /^Sync {2}/m);
});

test("sync says on SIGUSR1 how far it is, also with --quiet", async (t) => {
  const { from, to } = unlike(t, 40);
  const running = start(t, ["sync", "-q", "--bwlimit=1M", "--compress=none", from, to], {});
  await asked(running, /^Sync {2}.* of 5\.00 MiB/m);
});

test("ignored signals stay ignored, here and by what connects", async (t) => {
  const signals = ["HUP", "INT", "QUIT", "TERM", "USR1"];
  const { folder, from, to } = unlike(t, 8);
  const rsh = join(folder, "rsh");
  const kills = signals.map((signal) => `kill -${signal} $PPID $$`).join("\n");
  // The stand-in for ssh sends each signal to itself and to its parent.
  writeFileSync(rsh, `#!/bin/sh\nsleep 0.2\n${kills}\nsleep 0.1\nshift\nexec sh -c "$*"\n`);
  chmodSync(rsh, 0o755);
  const command = blockcopy(
    "sync",
    "-q",
    "-e",
    rsh,
    "--remote-command",
    PROGRAM,
    from,
    `one:${to}`,
  );
  const outcome = await bash(`trap '' ${signals.join(" ")}; exec ${command}`);
  assert.equal(outcome.stderr, "");
  assert.equal(outcome.code, EXIT.ok);
  assert.ok(readFileSync(to).equals(readFileSync(from)));
});
