// Copies from and to the disks in images, which the stages open with qemu-nbd.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { defer } from "../support/cleanup.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { assertSame } from "../support/files/bytes.ts";
import { DISK, disks } from "../support/files/images.ts";
import { environmentHere, lackingHosts, prefixHere } from "../support/hosts/hosts.ts";
import {
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  COMMAND,
  EXIT,
  run,
} from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { bytesSent, changedIn } from "../support/programs/sync-pair.ts";
import { lacking, lackingRoot, system } from "../support/programs/tools.ts";

const MIB = 1024 * 1024;

const skip = lacking("qemu-img", "qemu-nbd");

for (const format of ["qcow2", "vmdk", "vhdx", "vdi"])
  test(`sync from and to the disk in a ${format} image`, { skip }, async (t) => {
    const { raw, at, image, contentOf } = disks(t);
    const path = image(`copy.${format}`, changedIn(DISK, 0, 9, 60));
    const to = `--destination-format=${format}`;
    const length = statSync(path).size;
    const synced = await run(["sync", to, "--stats", raw, path]);
    assertSucceeded(synced);
    assert.ok(bytesSent(synced) < MIB, "sends only what differs");
    assert.ok(statSync(path).size <= length + MIB, "the image does not grow by more than that");
    assertSame(contentOf(path), DISK, "the disk in the image");
    writeFileSync(at("back"), Buffer.alloc(DISK.length, 1));
    assertSucceeded(await run(["sync", `--source-format=${format}`, path, at("back")]));
    assertSame(readFileSync(at("back")), DISK, "what was read from the image");
  });

test("compare the disk in an image", { skip }, async (t) => {
  const { raw, image } = disks(t);
  const path = image("copy.vmdk", changedIn(DISK, 0, 9, 60));
  const differ = await run(["compare", "--destination-format=vmdk", raw, path]);
  assert.equal(differ.code, 1, differ.stderr);
  assertSucceeded(await run(["compare", "--destination-format=auto", raw, image("same.vmdk")]));
});

test("three stages from an image to an image", { skip }, async (t) => {
  const { image, contentOf } = disks(t);
  const [from, to] = [image("from.vmdk"), image("to.qcow2", changedIn(DISK, 3))];
  const stages = [
    blockcopy("checksum", "--format=qcow2", to),
    blockcopy("retrieve", "--format=vmdk", from),
    blockcopy("save", "--format=auto", "--sparse", "--verify=written", to),
  ];
  // `checksum` must have closed the image before `save` opens it for writing.
  const kept = `${to}.stream`;
  const copied = await bash(
    `set -o pipefail; ${stages[0]} | ${stages[1]} > ${kept} && ${stages[2]} < ${kept}`,
  );
  // Its warning about reading back is that of every export.
  assert.equal(copied.code, EXIT.ok, copied.stderr);
  assertSame(contentOf(to), DISK, "the disk in the image");
});

test("images on other hosts", { skip: lackingHosts || skip }, async (t) => {
  const { image, contentOf, at } = disks(t);
  const [from, to] = [image("from.qcow2"), image("to.qcow2", changedIn(DISK, 3))];
  const formats = ["--source-format=qcow2", "--destination-format=qcow2"];
  const start = (...args: string[]): ReturnType<typeof run> =>
    run(args, { prefix: prefixHere(), env: environmentHere() });
  assertSucceeded(await start("sync", ...formats, `one:${from}`, `two:${to}`));
  assertSame(contentOf(to), DISK, "the disk in the image");
  symlinkSync(to, at("link.qcow2"));
  const same = await start("sync", ...formats, `one:${to}`, `one:${at("link.qcow2")}`);
  assert.notEqual(same.code, 0, "an image is not copied onto itself");
  const container = await start(
    "sync",
    "--allow-larger",
    ...formats.slice(1),
    to,
    at("link.qcow2"),
  );
  assertFailed(container, EXIT.usage, "sync", /are the same/);
});

test(
  "an image that is replaced after its header was read",
  { skip: lackingRoot("qemu-img", "qemu-nbd", "unshare") },
  async (t) => {
    const { raw, at, image } = disks(t);
    const [path, other, program] = [at("from.qcow2"), image("other.qcow2"), at("program")];
    const hostile = [
      "qemu-img",
      "create",
      "-q",
      "-f",
      "qcow2",
      "-o",
      `data_file=${raw}`,
      path,
      "1M",
    ];
    const real = at("qemu-img");
    for (const [what, swap] of [
      // One that names other files, and one that was never looked at.
      [/qemu-nbd has opened .*disk;/, hostile.join(" ").replace("qemu-img", real)],
      [/qemu-nbd has opened .*from\.qcow2;/, `cp ${other} ${other}.new; mv ${other}.new ${path}`],
    ] as const) {
      image("from.qcow2");
      writeFileSync(program, `#!/bin/sh\n${swap}\n`, { mode: 0o755 });
      const tool = "$(readlink -f /usr/bin/qemu-img)";
      const setup = `touch ${real} && mount --bind ${tool} ${real} && mount --bind ${program} ${tool} && exec "$@"`;
      const outcome = await run(["checksum", "--format=qcow2", path], {
        prefix: ["unshare", "--mount", "sh", "-c", setup, "sh"],
      });
      assertFailed(outcome, EXIT.differs, "checksum", what);
      assert.match(outcome.stderr, /was replaced while it was being opened/);
      assert.equal(outcome.stdout.length, 0);
    }
  },
);

test("a container that is copied as it is gets a warning, once", { skip }, async (t) => {
  const { raw, at, image } = disks(t);
  const path = image("from.qcow2");
  const copy = at("copy");
  const warned =
    /WARNING \(sync\): .*from\.qcow2 begins like a qcow2 image .*--source-format qcow2/g;
  const first = await run(["sync", "--create", path, copy]);
  assert.equal(first.code, EXIT.ok, first.stderr);
  assert.equal(first.stderr.match(warned)?.length, 1, first.stderr);
  const here = await run(["sync", path, copy]);
  assert.equal(here.stderr.match(warned)?.length, 1, here.stderr);
  assert.match(here.stderr, /copy begins like a qcow2 image .*--destination-format qcow2/);
  for (const args of [
    ["sync", "--source-format=raw", "--destination-format=raw", path, copy],
    ["sync", raw, raw.replace("disk", "new"), "--create"],
  ])
    assert.doesNotMatch((await run(args)).stderr, /begins like/);
});

/** Waits until a program has written its number to a file, removes that, and returns the number. */
async function pidIn(file: string): Promise<number> {
  const pid = (): number => (existsSync(file) ? Number(readFileSync(file, "utf8")) : 0);
  await eventually(() => pid() > 0, { what: "the program runs" });
  const found = pid();
  rmSync(file);
  return found;
}

test("no server and no folder is left when a stage is killed", { skip }, async (t) => {
  const { image, at } = disks(t);
  const path = image("from.qcow2");
  const words = ["checksum", "--format=qcow2", "--bwlimit=1K", path];
  const env = { ...process.env, TMPDIR: at(".") };
  const [program = "", ...rest] = [...COMMAND, ...words];
  const isServed = (): boolean => system("ps", "-eo", "args").includes(`"filename":"${path}"`);
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    const child = spawn(program, rest, { stdio: ["ignore", "pipe", "ignore"], env });
    killAtEnd(t, child);
    // Not before: QEMU forgets a signal that comes while qemu-nbd starts.
    await once(child.stdout, "data");
    assert.ok(isServed());
    child.kill(signal);
    await eventually(() => !isServed(), { what: `the server ends after ${signal}` });
  }
  assert.equal(system("find", at("."), "-mindepth", "1", "-name", "blockcopy-*"), "");
});

test(
  "a server that forgets a signal while it starts does not stay",
  { skip: lackingRoot("qemu-img", "qemu-nbd", "unshare") },
  async (t) => {
    const { image, at } = disks(t);
    const [path, program] = [image("from.qcow2"), at("program")];
    const forgetful = `trap "trap - TERM" TERM; echo $$ >${at("pid")}; while :; do sleep 0.05; done`;
    writeFileSync(program, `#!/bin/sh\n${forgetful}\n`, { mode: 0o755 });
    const setup = `mount --bind ${program} "$(readlink -f /usr/bin/qemu-nbd)" && exec "$@"`;
    const stage = [...COMMAND, "checksum", "--format=qcow2", path];
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      const child = spawn("unshare", ["--mount", "sh", "-c", setup, "sh", ...stage], {
        stdio: ["ignore", "ignore", "ignore"],
      });
      killAtEnd(t, child);
      const pid = await pidIn(at("pid"));
      const isRunning = (): boolean => existsSync(`/proc/${pid}`);
      defer(t, () => isRunning() && process.kill(pid, "SIGKILL"));
      child.kill(signal);
      await eventually(() => !isRunning(), { what: `it ends after ${signal}`, seconds: 10 });
    }
  },
);

test(
  "no check of an image goes on when its stage is killed",
  { skip: lackingRoot("qemu-img", "qemu-nbd", "unshare", "setpriv") },
  async (t) => {
    const { image, at } = disks(t);
    const [path, program] = [image("from.qcow2"), at("program")];
    writeFileSync(program, `#!/bin/sh\necho $$ >${at("pid")}\nexec sleep 3600\n`, { mode: 0o755 });
    const setup = `mount --bind ${program} "$(readlink -f /usr/bin/qemu-img)" && exec "$@"`;
    const words = [
      "--mount",
      "sh",
      "-c",
      setup,
      "sh",
      ...COMMAND,
      "checksum",
      "--format=qcow2",
      path,
    ];
    const child = spawn("unshare", words, { stdio: ["ignore", "ignore", "ignore"] });
    killAtEnd(t, child);
    const pid = await pidIn(at("pid"));
    const isChecked = (): boolean => existsSync(`/proc/${pid}`);
    defer(t, () => isChecked() && process.kill(pid));
    child.kill("SIGKILL");
    await eventually(() => !isChecked(), { what: "the check ends" });
  },
);
