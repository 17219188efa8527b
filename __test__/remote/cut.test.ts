// Copies between hosts that are cut off: nothing hangs, nothing is left running, and the next run continues.
import assert from "node:assert/strict";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { readFileSync, statSync, truncateSync } from "node:fs";
import type { Readable } from "node:stream";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { assertSame } from "../support/files/bytes.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { assertFailed, COMMAND, environment, EXIT, type Outcome } from "../support/programs/cli.ts";
import { noise } from "../support/files/files.ts";
import { allGone, appears, processesOn, shape, unplug } from "../support/hosts/host-state.ts";
import {
  environmentHere,
  lackingHosts,
  prefixHere,
  sync,
  type Far,
} from "../support/hosts/hosts.ts";
import { bytesSent, pair, type Pair } from "../support/programs/sync-pair.ts";
import { eventually } from "../support/programs/eventually.ts";

const skip = lackingHosts;

/** More than fits into all the pipes and windows on the way. */
const SIZE = 24 * 2 ** 20;
const source = noise("long", SIZE);
const other = noise("other", SIZE);

/** At this rate, a copy of it takes some four seconds. */
const RATE = "50mbit";

/** Options by which a dead connection is found out soon, and nothing can be compressed. */
const OPTIONS = [
  "--compress",
  "none",
  "-e",
  "ssh -o ServerAliveInterval=1 -o ServerAliveCountMax=2",
];

/** A copy that is under way: the destination has got something already. */
interface Copy extends Pair {
  args: string[];
  pid: number;
  ended: Promise<Pick<Outcome, "code" | "stderr">>;
  /** Makes the links as fast as they can be. */
  hurry: () => void;
}

/** The hosts of source and destination, with a colon each; empty for this one. */
type Ends = readonly [string, string];

// Each end fails once on this host and once on another, but not with each kind of host at the other end.
const PUSH: Ends = ["", "one:"];
const PULL: Ends = ["one:", ""];
const BETWEEN: Ends = ["one:", "two:"];

/** Starts `sync` on the host without sshd; killed when the test ends. */
function launch(
  t: TestContext,
  args: readonly string[],
): ChildProcessByStdio<null, null, Readable> {
  const [program = "", ...words] = [...prefixHere(), ...COMMAND, "sync", ...args];
  const child = spawn(program, words, {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
    env: environment(environmentHere()),
  });
  killAtEnd(t, child);
  return child;
}

async function begin(t: TestContext, [a, b]: Ends): Promise<Copy> {
  const slow = (["one", "two"] as const).map((host) => shape(t, host, RATE));
  const files = pair(t, { source, destination: other });
  const before = statSync(files.to).mtimeMs;
  const args = [...OPTIONS, `${a}${files.from}`, `${b}${files.to}`];
  const child = launch(t, args);
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
    child.once("exit", (code) => setImmediate(() => resolve({ code, stderr }))),
  );
  const written = (): boolean => {
    assert.equal(child.exitCode, null, stderr);
    return statSync(files.to).mtimeMs !== before;
  };
  await eventually(written, { what: `wrote to ${files.to}`, detail: () => stderr });
  // By now all the pipes and windows on the way are full.
  await sleep(300);
  return { ...files, args, pid: child.pid ?? 0, ended, hurry: () => slow.forEach((end) => end()) };
}

/** Asserts that a copy that was cut off is completed by the next run, which sends only what is missing. */
async function assertGoesOn(copy: Copy): Promise<void> {
  const missing = differing(readFileSync(copy.to));
  assert.ok(missing > 0 && missing < SIZE, `${missing} bytes were missing`);
  copy.hurry();
  const outcome = await sync(copy.args);
  const sent = bytesSent(outcome);
  assertSame(readFileSync(copy.to), source);
  assert.ok(sent >= missing && sent < missing * 1.01 + 4096, `${sent} bytes sent for ${missing}`);
}

/** Bytes of blocks that are not those of the source yet. */
function differing(content: Buffer): number {
  let bytes = 0;
  for (let at = 0; at < SIZE; at += 131_072)
    if (!content.subarray(at, at + 131_072).equals(source.subarray(at, at + 131_072)))
      bytes += 131_072;
  return bytes;
}

async function within<T>(seconds: number, promise: Promise<T>): Promise<T> {
  return Promise.race([
    promise,
    sleep(seconds * 1000, undefined, { ref: false }).then(() => {
      throw new Error(`not within ${seconds} s`);
    }),
  ]);
}

function kill(host: "here" | Far, pattern: RegExp): void {
  const found = processesOn(host).filter(({ command }) => pattern.test(command));
  assert.ok(
    found.length > 0,
    `nothing like ${pattern} on ${host}: ${JSON.stringify(processesOn(host))}`,
  );
  for (const { pid } of found) process.kill(pid, "SIGKILL");
}

const named = ([a, b]: Ends): string => `${a || "here:"} to ${b || "here:"}`;

/** Asserts that a copy fails soon with the words that name what has failed, leaves nothing running, and is completed by the next run. */
async function assertCut(copy: Copy, words: RegExp): Promise<void> {
  assertFailed(await within(10, copy.ended), EXIT.cut, "sync", words, /run it again/);
  await allGone(10);
  await assertGoesOn(copy);
}

for (const ends of [PUSH, BETWEEN])
  test(`the command itself is killed, ${named(ends)}`, { skip }, async (t) => {
    const copy = await begin(t, ends);
    process.kill(copy.pid, "SIGKILL");
    await allGone(10);
    await assertGoesOn(copy);
  });

for (const [signal, code, ends] of [
  ["SIGTERM", 143, BETWEEN],
  ["SIGINT", 130, PUSH],
  ["SIGHUP", 129, PULL],
] as const)
  test(`${signal}, ${named(ends)}`, { skip }, async (t) => {
    const copy = await begin(t, ends);
    if (ends === BETWEEN) assertLean();
    process.kill(copy.pid, signal);
    const amount =
      /ended by SIG\w+ (?:after \d+ bytes were written and synced|before all was copied); /;
    assertFailed(await within(5, copy.ended), code, "sync", new RegExp(signal), amount);
    await allGone(10);
  });

/** Asserts that a copy between two others is a process and two connections here, and a process at each end. */
function assertLean(): void {
  const here = processesOn("here").map(({ command }) => command);
  assert.equal(here.length, 3, here.join("\n"));
  for (const host of ["one", "two"] as const) {
    const stages = processesOn(host).filter(({ command }) => !command.startsWith("sshd: "));
    assert.equal(stages.length, 1, JSON.stringify(stages));
  }
}

for (const [stage, ends, host] of [
  ["retrieve", PUSH, "here"],
  ["retrieve", BETWEEN, "one"],
  ["receive", PULL, "here"],
  ["receive", BETWEEN, "two"],
] as const)
  test(`${stage} is killed on ${host}, ${named(ends)}`, { skip }, async (t) => {
    const copy = await begin(t, ends);
    kill(host, new RegExp(`^\\S*node .* ${stage} `));
    await assertCut(copy, host === "here" ? /SIGKILL/ : new RegExp(host));
  });

for (const [ends, far] of [
  [PUSH, "one"],
  [BETWEEN, "one"],
] as const)
  test(`ssh to ${far} is killed, ${named(ends)}`, { skip }, async (t) => {
    const copy = await begin(t, ends);
    kill("here", new RegExp(`^/usr/bin/ssh .* ${far} `));
    await assertCut(copy, new RegExp(far));
  });

for (const [ends, far] of [
  [PULL, "one"],
  [BETWEEN, "two"],
] as const) {
  test(`the session on ${far} is killed, ${named(ends)}`, { skip }, async (t) => {
    const copy = await begin(t, ends);
    kill(far, /^sshd: /);
    await assertCut(copy, new RegExp(far));
  });

  test(`the link to ${far} is cut, ${named(ends)}`, { skip }, async (t) => {
    const copy = await begin(t, ends);
    const plug = unplug(t, far);
    assertFailed(await within(30, copy.ended), EXIT.cut, "sync", new RegExp(far), /run it again/);
    assert.deepEqual(processesOn("here"), []);
    // Whoever is at the far end hears of it as soon as it can send again.
    plug();
    await allGone(30);
    await assertGoesOn(copy);
  });
}

for (const b of ["", "two:"]) {
  test(`killed while nothing differs, one: to ${b || "here:"}`, { skip }, async (t) => {
    // The digests take some seconds, and nothing goes the other way.
    for (const host of ["one", "two"] as const) shape(t, host, "1mbit");
    const { from, to } = pair(t, { source, destination: source });
    const child = launch(t, ["--block-size", "4K", `one:${from}`, `${b}${to}`]);
    await appears("one", /node .* retrieve /);
    await sleep(1000);
    assert.equal(child.exitCode, null);
    child.kill("SIGKILL");
    await allGone(10);
  });
}

test("a source that becomes shorter", { skip }, async (t) => {
  const copy = await begin(t, PULL);
  truncateSync(copy.from, SIZE / 4);
  assertFailed(await within(30, copy.ended), EXIT.io, "sync", /on one: /, /source/);
  await allGone(5);
});
