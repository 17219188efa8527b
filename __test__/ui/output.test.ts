// The messages of sync for people: the result, details on request, or nothing.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants as flags,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { constants } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { loadAddon } from "../../src/native/load.ts";
import { defer } from "../support/cleanup.ts";
import { assertSame } from "../support/files/bytes.ts";
import {
  bash,
  blockcopy,
  COMMAND,
  EXIT,
  quote,
  run,
  withoutSummary,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { eventually } from "../support/programs/eventually.ts";
import { lacking } from "../support/programs/tools.ts";

const content = noise("content", 96 * BLOCK + 1000);

/** Two files of 97 blocks that differ in the blocks with the given numbers. */
function differing(t: TestContext, ...blocks: number[]): [from: string, to: string] {
  const folder = scratch(t);
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  const other = Buffer.from(content);
  for (const block of blocks) other[block * BLOCK] = (other[block * BLOCK] ?? 0) ^ 1;
  writeFileSync(from, content);
  writeFileSync(to, other);
  return [from, to];
}

const outcomes: [blocks: number[], outcome: string, same: string][] = [
  [[], "nothing differed", "12.00 MiB"],
  [[1], "1 block (128.00 KiB) differed and was replaced", "11.88 MiB"],
  [[0, 96], "2 blocks (128.98 KiB) differed and were replaced", "11.88 MiB"],
];
for (const [blocks, outcome, same] of outcomes) {
  test(outcome, async (t) => {
    const { code, stdout, stderr } = await run(["sync", ...differing(t, ...blocks)]);
    assert.deepEqual([code, stdout.length], [EXIT.ok, 0]);
    const [first = "", second = "", ...rest] = stderr.split("\n");
    assert.equal(/^Sync done in \d+\.\d{3} seconds: (.*)$/.exec(first)?.[1], outcome);
    assert.equal(/^ {2}12\.00 MiB read at .*\/s, (.*) were the same$/.exec(second)?.[1], same);
    assert.deepEqual(rest, [""]);
    const quiet = await run(["sync", "-q", ...differing(t, ...blocks)]);
    assert.deepEqual([quiet.code, quiet.stdout.length, quiet.stderr], [EXIT.ok, 0, ""]);
  });
}

test("-q says errors, and no warning", async (t) => {
  const [from, to] = differing(t);
  const cache = ["--digest-cache", `${to}.digests`];
  const { stderr } = await run(["sync", ...cache, from, to]);
  assert.match(stderr, /^WARNING \(sync\): .*does not exist/);
  const quiet = await run(["sync", "-q", "--digest-cache", `${to}.other`, from, to]);
  assert.deepEqual([quiet.code, quiet.stderr], [EXIT.ok, ""]);
  const failed = await run(["sync", "--quiet", from, `${to}.missing`]);
  assert.equal(failed.code, EXIT.missing);
  assert.match(failed.stderr, /^ERROR \(sync\): .*\n$/);
});

test("--progress writes lines without a terminal, on standard error only", async (t) => {
  for (const options of [["--progress"], ["--progress", "--json"]]) {
    const { code, stdout, stderr } = await run(["sync", ...options, ...differing(t, 1)]);
    assert.equal(code, EXIT.ok, stderr);
    assert.match(stderr, /^Sync {2}12\.0 MiB of 12\.0 MiB {2}100 % /m);
    assert.equal(/^Sync done in /m.test(stderr), options.length === 1);
    assert.doesNotMatch(stdout.toString(), /^Sync/m);
  }
});

test("--stats writes the summary in any case", async (t) => {
  const summary =
    /^Sync done in .*: 1 block \(128\.00 KiB\) differed and was replaced\n.* the same\n$/;
  for (const options of [["--stats"], ["-q", "--stats"], ["--json", "--stats"]]) {
    const { code, stderr } = await run(["sync", ...options, ...differing(t, 1)]);
    assert.equal(code, EXIT.ok, stderr);
    assert.match(stderr, summary, options.join(" "));
  }
  const dry = await run(["sync", "-nq", "--stats", ...differing(t, 1)]);
  assert.deepEqual([dry.code, dry.stderr], [EXIT.ok, ""]);
  assert.match(dry.stdout.toString(), /^1 block .* differs/);
});

test("-v before or after the command, or DEBUG, says what is read and written", async (t) => {
  const variants: [args: string[], env?: Record<string, string>][] = [
    [["-v", "sync"]],
    [["sync", "-v"]],
    [["sync"], { DEBUG: "1" }],
  ];
  for (const [args, env] of variants) {
    const [from, to] = differing(t, 7);
    const { code, stdout, stderr } = await run(
      [...args, from, to],
      env === undefined ? {} : { env },
    );
    assert.equal(code, EXIT.ok);
    assert.equal(stdout.length, 0);
    const lines = withoutSummary(stderr).trimEnd().split("\n");
    assert.ok(
      lines.every((line) => line.startsWith("blockcopy sync: ")),
      stderr,
    );
    for (const path of [from, to])
      assert.ok(lines.some((line) => line.includes(`${path}: ${content.length} bytes, `)));
    assert.match(stderr, /^Sync done in .*: 1 block \(128\.00 KiB\) differed and was replaced$/m);
  }
});

test(
  "on a terminal there is a summary, and nothing is refused",
  { skip: lacking("script") },
  async (t) => {
    const [from, to] = differing(t, 3, 4);
    const command = quote([blockcopy("sync", from, to)]);
    const { code, stdout } = await bash(`TERM=xterm script -qec ${command} /dev/null < /dev/null`);
    assert.equal(code, EXIT.ok, stdout.toString());
    const summary =
      /✔ Sync done in \d+\.\d+ seconds: 2 blocks \(256\.00 KiB\) differed and were replaced\r?\n/;
    assert.match(stdout.toString(), summary);
    assertSame(readFileSync(to), content);
  },
);

test("a failure takes back no progress and has the last word", async (t) => {
  const [from, to] = differing(t);
  writeFileSync(to, "short");
  const { code, stderr } = await run(["sync", "-v", from, to]);
  assert.equal(code, EXIT.usage);
  assert.match(stderr.trimEnd().split("\n").at(-1) ?? "", /^ERROR \(sync\): /);
  assert.doesNotMatch(stderr, /done/i);
});

/** Returns the two ends of a pipe that is full. */
function fullPipe(): { read: number; write: number } {
  const { read, write } = loadAddon().makePipe(4096);
  const filling = openSync(`/proc/self/fd/${write}`, flags.O_WRONLY | flags.O_NONBLOCK);
  assert.throws(() => {
    for (;;) writeSync(filling, Buffer.alloc(4096));
  }, /EAGAIN/);
  closeSync(filling);
  return { read, write };
}

/** Starts `sync` with a full pipe that is not read. */
function startUnread(t: TestContext, unread: "stdout" | "stderr", words: string[]): ChildProcess {
  const { read, write } = fullPipe();
  defer(t, () => closeSync(read));
  const [program = "", ...args] = [...COMMAND, "sync", ...words];
  const stdout = unread === "stdout" ? write : "ignore";
  const stderr = unread === "stderr" ? write : "ignore";
  const child = spawn(program, args, { stdio: ["ignore", stdout, stderr], detached: true });
  killAtEnd(t, child);
  closeSync(write);
  return child;
}

/** Starts `sync` with a full socket as standard error, and returns the other end of it, which does not read yet. */
async function startWithFullSocket(
  t: TestContext,
  words: string[],
): Promise<{ child: ChildProcess; reader: Socket }> {
  const path = join(scratch(t), "socket");
  const server = createServer({ pauseOnConnect: true }).listen(path);
  await once(server, "listening");
  const connected = once(server, "connection");
  const writer = connect(path);
  const [reader] = (await connected) as [Socket];
  defer(t, () => {
    reader.destroy();
    server.close();
  });
  const fill = "timeout 0.5 head -c 4M /dev/zero >&2";
  const child = spawn("sh", ["-c", `${fill}; exec ${blockcopy("sync", ...words)}`], {
    stdio: ["ignore", "ignore", writer],
    detached: true,
  });
  killAtEnd(t, child);
  writer.destroy();
  return { child, reader };
}

/** Sends SIGTERM, and returns the exit code, as a shell does, of a process that ends soon. */
async function terminated(child: ChildProcess): Promise<number | null> {
  const ended = once(child, "exit", { signal: AbortSignal.timeout(15_000) });
  child.kill("SIGTERM");
  const [code, signal] = (await ended) as [number | null, string | null];
  return signal === "SIGTERM" ? 128 + constants.signals.SIGTERM : code;
}

for (const [unread, option] of [
  ["stderr", "-v"],
  ["stdout", "--json"],
] as const)
  test(`a copy goes on without a reader of ${unread}, and then waits for it until a signal`, async (t) => {
    const [from, to] = differing(t, 0);
    const child = startUnread(t, unread, [option, from, to]);
    await eventually(() => readFileSync(to).equals(content), { what: "goes on", seconds: 20 });
    // A moment later, all is done but for the last lines.
    await setTimeout(500);
    assert.equal(child.exitCode, null);
    assert.equal(await terminated(child), 143);
  });

test("a signal ends a copy without a reader of stderr", async (t) => {
  const [from, to] = differing(t, ...Array.from({ length: 97 }, (_, block) => block));
  const child = startUnread(t, "stderr", ["-v", "--bwlimit=256K", from, to]);
  const first = (): boolean =>
    readFileSync(to).subarray(0, BLOCK).equals(content.subarray(0, BLOCK));
  await eventually(first, { what: "begins", seconds: 20 });
  assert.equal(await terminated(child), 143);
});

test("a copy goes on without a reader of a socket as stderr, and a signal ends it", async (t) => {
  const [from, to] = differing(t, 0);
  const { child } = await startWithFullSocket(t, ["-v", from, to]);
  await eventually(() => readFileSync(to).equals(content), { what: "goes on", seconds: 20 });
  // A moment later, all is done but for the last lines.
  await setTimeout(500);
  assert.equal(child.exitCode, null);
  assert.equal(await terminated(child), 143);
});

test("a reader of a socket that is slow gets all lines", async (t) => {
  const { child, reader } = await startWithFullSocket(t, ["-v", ...differing(t, 3)]);
  await setTimeout(1500);
  const ended = once(child, "exit");
  const chunks: Buffer[] = [];
  for await (const chunk of reader) chunks.push(chunk as Buffer);
  const lines = Buffer.concat(chunks).toString().replaceAll("\0", "").trimEnd().split("\n");
  assert.deepEqual(await ended, [0, null], lines.join("\n"));
  assert.ok(lines.some((line) => line.startsWith("Sync done in")));
});

test("a signal ends what waits for a reader of its last lines", async (t) => {
  const child = startUnread(t, "stderr", [join(scratch(t), "missing"), "/nowhere"]);
  // Nothing else shows that it waits.
  await setTimeout(1500);
  assert.equal(await terminated(child), 143);
});

test("a reader that is slow gets all lines", async (t) => {
  const [from, to] = differing(t, 3);
  // A pipe has 64 KiB.
  const writer = `{ head -c 65000 /dev/zero; ${blockcopy("sync", "-v", from, to)} 2>&1; echo "code $?"; }`;
  const { stdout } = await bash(`${writer} | { sleep 1; cat; }`);
  const lines = stdout.toString().replaceAll("\0", "").trimEnd().split("\n");
  assert.ok(lines.includes("code 0"), stdout.toString());
  assert.ok(lines.some((line) => line.startsWith("Sync done in")));
});
