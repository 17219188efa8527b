// Whoever uses a destination, or writes to a source, is noticed, also where no claim of the kernel tells.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { defer, onceFree } from "../support/cleanup.ts";
import { assertFailed, EXIT, type Outcome, run } from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";
import { attach, lackingLoop, loopWith } from "../support/files/loop.ts";
import { assertSynced, pair } from "../support/programs/sync-pair.ts";
import { lacking, lackingRoot, system } from "../support/programs/tools.ts";
import { eventually } from "../support/programs/eventually.ts";

const MIB = 2 ** 20;

/** Opens argv[1] in mode argv[2] and locks single bytes for sharing as QEMU does, if there are any; says so, and waits. */
const OPENER = `
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDWR if sys.argv[2] == "rw" else os.O_RDONLY)
for byte in sys.argv[3:]:
    fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, int(byte), 1, 0))
print("ready", flush=True)
sys.stdin.read()
`;

/** A program that no shell of this test has started: a process that does not know us. */
async function stranger(t: TestContext, ...command: string[]): Promise<ChildProcess> {
  const [program = "", ...words] = command;
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
  killAtEnd(t, child);
  await once(child.stdout, "data");
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.stdin?.end();
  await ended;
}

/** Bytes that a running virtual machine has locked: it reads, writes, and lets no other process write or resize. */
const MACHINE = ["100", "101", "201", "203"];

async function assertBusy(from: string, to: string, why: RegExp, ...more: string[]): Promise<void> {
  const before = readFileSync(to);
  for (const how of [[], ...more.map((option) => [option])]) {
    const outcome = await run(["sync", ...how, from, to]);
    assertFailed(outcome, EXIT.busy, "sync", why);
    assert.match(outcome.stderr, /--force/);
  }
  assertSame(readFileSync(to), before, "the destination");
}

/** The warning about a source in use. */
function warning({ code, stderr }: Outcome): string {
  assert.equal(code, EXIT.ok, stderr);
  return /^WARNING \(sync\): the source .* is in use: (.*);/m.exec(stderr)?.[1] ?? "";
}

test("a file that another process has open or locked", { skip: lacking("python3") }, async (t) => {
  const { from, to } = pair(t);
  const cases: [string[], RegExp][] = [
    [["rw"], /process \d+ \(python3[^)]*\) has it or a part of it open for writing/],
    [["rw", ...MACHINE], /process \d+ \(python3[^)]*\) has it or a part of it open for writing/],
    // These locks are of a reader that lets no other process write, as QEMU with a backing file, or qemu-img convert.
    [["ro", "100", "201"], /a virtual machine \(QEMU\) or another copy has locked it/],
    [["ro", "100"], /a virtual machine \(QEMU\) or another copy has locked it/],
  ];
  for (const [words, why] of cases) {
    const other = await stranger(t, "python3", "-c", OPENER, to, ...words);
    await assertBusy(from, to, why, "-n");
    if (words.length === 3) assertSynced(await run(["sync", "--force", from, to]), to);
    await end(other);
  }
  const reader = await stranger(t, "python3", "-c", OPENER, to, "ro");
  assertSynced(await run(["sync", from, to]), to);
  await end(reader);
});

test(
  "a process of another user does not share the destination, whatever its command line says",
  { skip: lackingRoot("setpriv") },
  async (t) => {
    const { from, to } = pair(t);
    const opener = `require("fs").openSync(process.argv[1], "r+"); console.log("ready"); process.stdin.resume()`;
    chmodSync(to, 0o666);
    chmodSync(dirname(to), 0o755);
    const node = [process.execPath, "-e", opener, to, "--force"];
    await stranger(t, "setpriv", "--reuid=12345", "--clear-groups", ...node);
    await assertBusy(from, to, /process \d+ \(node[^)]*\) has it or a part of it open/);
  },
);

test("a source that a virtual machine writes to", { skip: lacking("python3") }, async (t) => {
  const { from, to } = pair(t);
  // It is open only for reading, as for a process whose open files cannot be seen: only the locks show that it is in use.
  const other = await stranger(t, "python3", "-c", OPENER, from, "ro", ...MACHINE);
  const outcome = await run(["sync", from, to]);
  assert.match(warning(outcome), /a virtual machine \(QEMU\) or another copy has locked it/);
  await end(other);
  assertSynced(await run(["sync", from, to]), to);
});

test("a copy locks its destination as QEMU does", { skip: lacking("qemu-img") }, async (t) => {
  const { from, to } = pair(t);
  const copy = spawn(process.execPath, ["dist/cli/main.js", "save", to], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  killAtEnd(t, copy);
  const compare = (): string => {
    const words = ["compare", "-f", "raw", "-F", "raw", from, to];
    return spawnSync("qemu-img", words, { encoding: "utf8" }).stderr;
  };
  await eventually(() => compare().includes("lock"), { what: "locked its destination" });
  assert.match(compare(), /Failed to get "consistent read" lock/);
  // The second copy is refused, whichever it is.
  const second = await run(["sync", from, to]);
  assert.equal(second.code, EXIT.busy, second.stderr);
  await end(copy);
  assert.doesNotMatch(compare(), /lock/);
});

test(
  "an image that is mounted in another mount namespace",
  { skip: lackingLoop || lacking("unshare", "mkfs.ext4") },
  async (t) => {
    const folder = scratch(t);
    const [image, from] = [join(folder, "image"), join(folder, "source")];
    writeFileSync(image, Buffer.alloc(4 * MIB));
    writeFileSync(from, noise("source", 4 * MIB));
    const loop = attach(t, image).path;
    await assertBusy(from, image, new RegExp(`it backs ${loop};`));
    system("mkfs.ext4", "-q", loop);
    const point = join(folder, "point");
    mkdirSync(point);
    const mount = `mount -o ro ${loop} ${point} && echo ready && cat`;
    const elsewhere = await stranger(t, "unshare", "--mount", "sh", "-c", mount);
    const why = `it backs ${loop}, and another process or mount namespace has that in use`;
    await assertBusy(from, image, new RegExp(why));
    await end(elsewhere);
  },
);

test(
  "a device that a loop device is on, or that is open for writing",
  { skip: lackingLoop || lackingRoot("addpart", "python3") },
  async (t) => {
    const folder = scratch(t);
    const disk = loopWith(t, folder, noise("disk", 8 * MIB)).path;
    system("addpart", disk, "1", `${MIB / 512}`, `${(4 * MIB) / 512}`);
    defer(t, () => onceFree(() => system("delpart", disk, "1")));
    const part = `${disk}p1`;
    const from = join(folder, "source");
    writeFileSync(from, noise("source", 4 * MIB));
    const [whole, copy] = [join(folder, "whole"), join(folder, "copy")];
    for (const file of [whole, copy]) writeFileSync(file, noise("other", 8 * MIB));

    const why = /process \d+ \(python3[^)]*\) has it or a part of it open for writing/;
    const other = await stranger(t, "python3", "-c", OPENER, part, "rw");
    await assertBusy(from, part, why, "-n", "--truncate");
    await assertBusy(whole, disk, why);
    assert.match(warning(await run(["sync", disk, copy])), why);
    await end(other);
    // As in a container: a node of the same device, outside of /dev.
    const node = join(folder, "node");
    const number = readFileSync(`/sys/class/block/${basename(part)}/dev`, "utf8");
    system("mknod", node, "b", ...number.trim().split(":"));
    const elsewhere = await stranger(t, "python3", "-c", OPENER, node, "rw");
    await assertBusy(whole, disk, why);
    await end(elsewhere);
    assertSynced(await run(["sync", disk, copy]), copy, readFileSync(disk));

    const over = attach(t, part).path;
    await assertBusy(whole, disk, new RegExp(`it backs ${over};`));
  },
);

test(
  "two of one copy are not in each other's way, and those of two copies are",
  { skip: lacking("python3") },
  async (t) => {
    const { from, to } = pair(t, {
      source: noise("source", 24 * MIB),
      destination: noise("destination", 24 * MIB),
    });
    const outcome = await run(["sync", "--streams", "3", from, to]);
    assertSynced(outcome, to, readFileSync(from));
    writeFileSync(to, noise("other", 24 * MIB));
    const slow = spawn(
      process.execPath,
      [
        "dist/cli/main.js",
        "sync",
        "-q",
        "--bwlimit",
        "1M",
        "--block-size",
        "1M",
        "--streams",
        "2",
        from,
        to,
      ],
      { stdio: ["pipe", "ignore", "ignore"] },
    );
    killAtEnd(t, slow);
    let code: number | null = EXIT.ok;
    for (let tries = 0; tries < 100 && code === EXIT.ok; tries++)
      ({ code } = await run(["sync", "-n", from, to]));
    assert.equal(code, EXIT.busy);
  },
);
