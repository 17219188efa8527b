// Local copies that come to an end before they are done: the message says where, and a new run does the rest.
import assert from "node:assert/strict";
import {
  closeSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, assertSucceeded, EXIT, lastLine, run } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { cutBacking, deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountTmpfs } from "../support/files/mount.ts";
import { eventually } from "../support/programs/eventually.ts";
import { catchesSignals, hasOpened, start, type Running } from "../support/programs/pipe.ts";
import { lacking, lackingRoot, lackingTrace } from "../support/programs/tools.ts";
import { trace } from "../support/programs/trace.ts";

const EIO = /Input\/output error \(EIO\)/;
const size = 64 * BLOCK;
const source = noise("source", size);
const before = noise("before", size);

/** The offset that a message names. */
function offsetIn(stderr: string): number {
  const found = /at offset (\d+)/.exec(lastLine(stderr));
  assert.ok(found, `no offset in ${stderr}`);
  return Number(found[1]);
}

for (const directIo of [false, true]) {
  const title = directIo ? "of a device that reads its file directly" : "of a device";
  const good = 21 * BLOCK;

  test(`the source ${title} cannot be read`, { skip: lackingLoop }, async (t) => {
    const folder = scratch(t);
    const from = loopWith(t, folder, source, { directIo });
    const to = loopWith(t, folder, before);
    cutBacking(from, good);
    const outcome = await run(["sync", from.path, to.path]);
    assertFailed(outcome, EXIT.io, "sync", EIO, new RegExp(`${from.path} at offset ${good}:`));
    assert.doesNotMatch(outcome.stderr, /Sync done/);
    const content = deviceContent(to);
    for (let at = 0; at < size; at += BLOCK) {
      const block = content.subarray(at, at + BLOCK);
      const is = (other: Buffer): boolean => block.equals(other.subarray(at, at + BLOCK));
      assert.ok(is(before) || (at < good && is(source)), `block at ${at}`);
    }
  });

  test(`the destination ${title} cannot be read`, { skip: lackingLoop }, async (t) => {
    const folder = scratch(t);
    const from = loopWith(t, folder, source);
    const to = loopWith(t, folder, before, { directIo });
    cutBacking(to, good);
    const outcome = await run(["sync", from.path, to.path]);
    assertFailed(outcome, EXIT.io, "sync", EIO, new RegExp(`${to.path} at offset ${good}:`));
  });
}

for (const [what, calls] of [
  ["written", "pwrite64,pwritev,pwritev2,write,writev"],
  ["brought to the disk", "fdatasync,fsync"],
] as const) {
  test(`the destination cannot be ${what}`, { skip: lackingTrace() }, async (t) => {
    const folder = scratch(t);
    const [from, to] = [join(folder, "source"), join(folder, "destination")];
    writeFileSync(from, source);
    writeFileSync(to, before);
    const fault = trace(folder, `inject=${calls}:error=EIO`);
    const outcome = await run(["sync", from, to], {
      prefix: [...fault.prefix, "-P", to],
    });
    assertFailed(outcome, EXIT.io, "sync", /EIO/, new RegExp(to));
    assert.doesNotMatch(outcome.stderr, /Sync done/);
    assert.ok(fault.calls().some((call) => call.includes("INJECTED")));
  });
}

test(
  "sync brings all to the disk before it says that all is well",
  { skip: lackingTrace() },
  async (t) => {
    const folder = scratch(t);
    const [from, to] = [join(folder, "source"), join(folder, "destination")];
    writeFileSync(from, source);
    writeFileSync(to, before);
    // In one file, so that the calls of all threads are in order.
    const path = join(folder, "trace");
    const traced = "trace=fdatasync,fsync,pwrite64,pwritev,pwritev2,write,writev";
    const prefix = ["strace", "-f", "-qq", "-o", path, "-P", to, "-e", traced];
    assertSucceeded(await run(["sync", from, to], { prefix }));
    const ended = readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .filter((line) => / = \d+$/.test(line));
    assert.ok(ended.length > 1);
    assert.match(ended.at(-1) ?? "", /\b(fdatasync|fsync)\b.* = 0$/);
  },
);

test("the filesystem is full", { skip: lackingRoot("mount", "umount") }, async (t) => {
  const folder = scratch(t);
  const room = 8 * BLOCK;
  const [from, to] = [join(folder, "source"), join(mountTmpfs(t, folder, room), "destination")];
  writeFileSync(from, source);
  writeFileSync(to, "");
  truncateSync(to, size);
  // Without --sparse, room is looked at before anything is written.
  const outcome = await run(["sync", "--sparse", from, to]);
  assertFailed(outcome, EXIT.io, "sync", /ENOSPC/, new RegExp(to), /free space/);
  assert.ok(offsetIn(outcome.stderr) <= size);
});

test("the file may not be written so far", { skip: lacking("prlimit") }, async (t) => {
  const folder = scratch(t);
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  writeFileSync(from, source);
  writeFileSync(to, "");
  truncateSync(to, size);
  const limit = 4 * BLOCK;
  const outcome = await run(["sync", from, to], { prefix: ["prlimit", `--fsize=${limit}`] });
  assertFailed(outcome, EXIT.io, "sync", new RegExp(`limit .* is ${limit} bytes`), new RegExp(to));
  assert.equal(statSync(to).blocks, 0, "nothing was written");
});

/** Two files that differ where they begin and where they end, and are a hole in between. */
function ends(t: TestContext, length: number): { from: string; to: string } {
  const folder = scratch(t);
  const make = (name: string): string => {
    const path = join(folder, name);
    const fd = openSync(path, "wx");
    writeSync(fd, noise(`${name} begins`, size));
    writeSync(fd, noise(`${name} ends`, size), 0, size, length - size);
    closeSync(fd);
    return path;
  };
  return { from: make("source"), to: make("destination") };
}

/** `size` bytes of a file. */
function part(path: string, at: number): Buffer {
  const result = Buffer.alloc(size);
  const fd = openSync(path, "r");
  readSync(fd, result, 0, size, at);
  closeSync(fd);
  return result;
}

/** Starts a copy that takes minutes, and waits until it has begun. */
async function started(t: TestContext, from: string, to: string): Promise<Running> {
  const running = start(t, ["sync", from, to], {});
  await catchesSignals(running);
  await hasOpened(running, to);
  return running;
}

async function copiedTheBeginning({ stderr }: Running, from: string, to: string): Promise<void> {
  const copied = (): boolean => part(to, 0).equals(part(from, 0));
  await eventually(copied, { what: "copied the beginning", everyMs: 5, detail: stderr });
}

for (const [signal, code] of [
  ["SIGHUP", 129],
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`${signal} ends sync`, async (t) => {
    const { from, to } = ends(t, 2 ** 43);
    const running = await started(t, from, to);
    await copiedTheBeginning(running, from, to);
    running.child.kill(signal);
    assert.deepEqual(await running.ended, { code, signal: null }, running.stderr());
    const line = lastLine(running.stderr());
    assert.match(
      line,
      new RegExp(
        `^ERROR \\(sync\\): ended by ${signal} after \\d+ bytes were written and synced; run the same`,
      ),
    );
  });
}

test("a run that was killed leaves the rest to the next one", async (t) => {
  const length = 2 ** 37;
  const { from, to } = ends(t, length);
  const tail = part(to, length - size);
  const running = await started(t, from, to);
  await copiedTheBeginning(running, from, to);
  running.child.kill("SIGKILL");
  assert.deepEqual(await running.ended, { code: null, signal: "SIGKILL" });
  assertSame(part(to, length - size), tail, "the end, reached before the kill,");

  assertSucceeded(await run(["sync", from, to]));
  for (const at of [0, length - size]) assertSame(part(to, at), part(from, at));
  const again = await run(["sync", "-v", from, to]);
  assert.match(again.stderr, /nothing differed/);
});
