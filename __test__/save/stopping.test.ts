// Copies that a signal ends: what was written is on the disk, and the same command goes on from there.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { COMMAND, environment, EXIT, execute, lastLine } from "../support/programs/cli.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { bytesAt } from "../support/files/bytes.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { eventually } from "../support/programs/eventually.ts";
import { makePipe } from "../support/programs/pipe.ts";
import { lackingTrace } from "../support/programs/tools.ts";
import { field, u64 } from "../support/wire/description-frames.ts";
import { blckFrame, headFrame } from "../support/wire/extended.ts";
import { dataFrame, sha3 } from "../support/wire/frames.ts";

const [PROGRAM = ""] = COMMAND;
const LENGTH = 6 * 2 ** 20;
const STOPPED =
  /^ERROR \(\w+\): ended by (SIG\w+) after (\d+) bytes were written and synced; run the same command again: it continues$/;

interface Files {
  folder: string;
  from: string;
  to: string;
  /** Stands for ssh, and forgets the name of the host. */
  rsh: string;
}

function files(t: TestContext): Files {
  const folder = scratch(t);
  const [from, to, rsh] = [join(folder, "from"), join(folder, "to"), join(folder, "rsh")];
  writeFileSync(from, noise("stopping", LENGTH));
  writeFileSync(to, "");
  truncateSync(to, LENGTH);
  writeFileSync(rsh, '#!/bin/sh\nshift\neval "exec $*"\n');
  chmodSync(rsh, 0o755);
  return { folder, from, to, rsh };
}

interface Started {
  pid: number;
  kill: (signal: NodeJS.Signals) => void;
  stderr: () => string;
  stdout: () => string;
  input: NodeJS.WritableStream;
  ended: Promise<number | null>;
}

function begin(t: TestContext, folder: string, argv: readonly string[]): Started {
  const [out, err] = [join(folder, "out"), join(folder, "err")];
  const [file = "", ...args] = argv;
  const child = spawn(file, args, {
    stdio: ["pipe", openSync(out, "w"), openSync(err, "w")],
    env: environment(),
  });
  assert.ok(child.stdin);
  killAtEnd(t, child);
  const ended = once(child, "exit").then(([code]) => code as number | null);
  return {
    pid: child.pid ?? 0,
    kill: (signal) => child.kill(signal),
    stderr: () => readFileSync(err, "utf8"),
    stdout: () => readFileSync(out, "utf8"),
    input: child.stdin,
    ended,
  };
}

/** Waits until a file has something other than zeros at its beginning. */
async function isBegun(path: string): Promise<void> {
  const begun = (): boolean => bytesAt(path, 0, BLOCK).some((byte) => byte !== 0);
  await eventually(begun, { what: `wrote to ${path}` });
}

/** The bytes of blocks that are those of the source. */
function sameBytes(path: string, source: Buffer): number {
  const written = readFileSync(path);
  let same = 0;
  for (let at = 0; at < LENGTH; at += BLOCK)
    if (written.subarray(at, at + BLOCK).equals(source.subarray(at, at + BLOCK))) same += BLOCK;
  return same;
}

for (const [what, signal, code, words] of [
  ["a copy here", "SIGTERM", 143, ({ from, to }: Files) => [from, to]],
  ["a push", "SIGHUP", 129, ({ from, to, rsh }: Files) => ["-e", rsh, from, `one:${to}`]],
  ["a pull", "SIGINT", 130, ({ from, to, rsh }: Files) => ["-e", rsh, `one:${from}`, to]],
  [
    "several streams",
    "SIGTERM",
    143,
    ({ from, to, rsh }: Files) => ["--streams=2", "-e", rsh, from, `one:${to}`],
  ],
] as const)
  test(`${signal} ends ${what} with what was written on the disk`, async (t) => {
    const there = files(t);
    const args = words(there);
    const limits = ["--bwlimit=2M", "--compress=none"];
    const far = args.includes("-e") ? ["--remote-command", PROGRAM] : [];
    const metrics = join(there.folder, "metrics.prom");
    const argv = [PROGRAM, "sync", "--json", `--metrics=${metrics}`, ...limits, ...far, ...args];
    const running = begin(t, there.folder, argv);
    await isBegun(there.to);
    running.kill(signal);
    assert.equal(await running.ended, code, running.stderr());
    const [, by, bytes] = STOPPED.exec(lastLine(running.stderr())) ?? assert.fail(running.stderr());
    assert.equal(by, signal);
    const source = readFileSync(there.from);
    const same = sameBytes(there.to, source);
    assert.equal(same, Number(bytes));
    assert.ok(same < LENGTH);
    const last = JSON.parse(lastLine(running.stdout())) as Record<string, unknown>;
    assert.deepEqual([last["event"], last["code"]], ["error", code]);
    assert.match(readFileSync(metrics, "utf8"), new RegExp(`exit_code\\{.*\\} ${code}\n`));

    const again = await execute([PROGRAM, "sync", "-q", ...far, ...args]);
    assert.equal(again.code, EXIT.ok, again.stderr);
    assert.ok(readFileSync(there.to).equals(source));
  });

/** The number of processes that a program has started and that have not ended. */
function children(pid: number): number {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean)
    .length;
}

test("the bytes of a stream that had ended count, too", async (t) => {
  const { folder, from, to, rsh } = files(t);
  // The first stream takes this much at once, and the second one the rest. Nearly all of the rest is there already.
  const part = 4 * 2 ** 20;
  const source = readFileSync(from);
  const destination = readFileSync(from);
  destination.fill(0, 0, part + BLOCK);
  writeFileSync(to, destination);
  const far = ["-e", rsh, "--remote-command", PROGRAM];
  const limits = ["--bwlimit=1M", "--compress=none", "--streams=2"];
  const running = begin(t, folder, [PROGRAM, "sync", ...limits, ...far, from, `one:${to}`]);
  const isDone = (): boolean =>
    children(running.pid) === 2 && readFileSync(to).subarray(part).equals(source.subarray(part));
  await eventually(isDone, { what: "ended a stream", detail: running.stderr });
  running.kill("SIGTERM");
  assert.equal(await running.ended, 143, running.stderr());
  const [, , bytes] = STOPPED.exec(lastLine(running.stderr())) ?? assert.fail(running.stderr());
  assert.equal(sameBytes(to, source) - (LENGTH - part - BLOCK), Number(bytes));
});

test("blocks are synced and counted, even if the reader of the digests goes first", async (t) => {
  const { folder } = files(t);
  const [to, err, small] = [join(folder, "large"), join(folder, "err"), 4096];
  const size = 128 * 2 ** 20;
  writeFileSync(to, "");
  // More digests than a pipe holds.
  truncateSync(to, size);
  const [input, output] = [makePipe(t), makePipe(t)];
  const child = spawn(PROGRAM, ["receive", "--digest=sha3-512", `--block-size=${small}`, to], {
    stdio: [input.reader.fd, output.writer.fd, openSync(err, "w")],
    env: environment(),
  });
  killAtEnd(t, child);
  const ended = once(child, "exit");
  input.reader.close();
  output.writer.close();
  const send = (position: number): void => {
    const payload = noise(position, small);
    writeSync(input.writer.fd, blckFrame({ position, digest: sha3(payload), payload }).bytes);
  };
  const source = [field(1, u64(size)), field(2, "file")];
  writeSync(input.writer.fd, headFrame({ blockSize: small, source }));
  send(0);
  await isBegun(to);
  send(small);
  output.reader.close();
  // A source that ends closes both streams; here, the end of this one is seen first.
  await sleep(100);
  input.writer.close();
  assert.deepEqual(await ended, [EXIT.protocol, null]);
  const last = JSON.parse(lastLine(readFileSync(err, "utf8"))) as Record<string, unknown>;
  assert.deepEqual([last["event"], last["synced"]], ["error", 2 * small]);
});

const skip = lackingTrace();

/** Waits for a line of standard error. */
async function says(running: Started, pattern: RegExp): Promise<void> {
  const said = (): boolean => pattern.test(running.stderr());
  await eventually(said, { what: `said ${pattern}`, detail: running.stderr });
}

/** Runs `save`, traced, and gives it a block. */
async function saving(t: TestContext, folder: string, to: string, delay = "0"): Promise<Started> {
  const inject = `inject=fdatasync,fsync:delay_enter=${delay}`;
  const trace = ["strace", "-D", "-f", "-qq", "-o", join(folder, "trace")];
  const traced = [...trace, "-e", "trace=fdatasync,fsync", "-e", inject];
  const running = begin(t, folder, [...traced, PROGRAM, "save", to]);
  running.input.write(dataFrame(0, noise("block", BLOCK)));
  await isBegun(to);
  return running;
}

test(
  "save syncs what came whole before it ends, by a signal or with its stream",
  { skip },
  async (t) => {
    for (const [how, code, pattern] of [
      ["SIGTERM", 143, STOPPED],
      ["end", EXIT.protocol, /closed unexpectedly/],
    ] as const) {
      const { folder, to } = files(t);
      const running = await saving(t, folder, to);
      if (how === "end") running.input.end();
      else running.kill(how);
      assert.equal(await running.ended, code, running.stderr());
      assert.match(lastLine(running.stderr()), pattern);
      assert.match(readFileSync(join(folder, "trace"), "utf8"), /f(data)?sync\(\d+\) += 0/, how);
    }
  },
);

test("a second signal ends at once what waits for the disk", { skip }, async (t) => {
  const { folder, to } = files(t);
  const running = await saving(t, folder, to, "5000000");
  running.kill("SIGTERM");
  await says(running, /^blockcopy save: SIGTERM: .* a second signal ends it at once$/m);
  running.kill("SIGTERM");
  await says(running, /^ERROR \(save\): ended by SIGTERM, the destination is not complete; /m);
  // strace lets go of the thread that syncs when its time is over, not when the process ends.
  assert.doesNotMatch(readFileSync(join(folder, "trace"), "utf8"), /sync\(\d+\) += 0/);
  assert.equal(await running.ended, 143);
});

test("a failure of the last sync is what is told", { skip }, async (t) => {
  const { folder, to } = files(t);
  const inject = "inject=fdatasync,fsync:error=EIO";
  const trace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync"];
  const running = begin(t, folder, [...trace, "-e", inject, PROGRAM, "save", to]);
  running.input.write(dataFrame(0, noise("block", BLOCK)));
  await isBegun(to);
  running.kill("SIGTERM");
  assert.equal(await running.ended, EXIT.io, running.stderr());
  assert.match(lastLine(running.stderr()), /do not trust the destination/);
});

test("a signal leaves nothing of a delta", async (t) => {
  const { folder, from, to, rsh } = files(t);
  const delta = join(folder, "delta");
  const far = ["-e", rsh, "--remote-command", PROGRAM, "--bwlimit=2M", "--compress=none"];
  const running = begin(t, folder, [
    PROGRAM,
    "sync",
    ...far,
    `--delta=${delta}`,
    from,
    `one:${to}`,
  ]);
  const deltas = (): string[] => readdirSync(folder).filter((name) => name.includes("delta"));
  await eventually(() => deltas().length > 0, { what: "began a delta", detail: running.stderr });
  running.kill("SIGTERM");
  assert.equal(await running.ended, 143, running.stderr());
  assert.deepEqual(deltas(), []);
});
