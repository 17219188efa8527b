// Nothing that a file system or a process never answers keeps a copy waiting that has nothing to do with it.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { defer } from "../support/cleanup.ts";
import { kill, killAtEnd } from "../support/programs/children.ts";
import { scratch } from "../support/files/files.ts";
import { attach, lackingLoop } from "../support/files/loop.ts";
import { mountTmpfs } from "../support/files/mount.ts";
import { script } from "../support/hosts/hosts.ts";
import {
  assertFailed,
  blockcopy,
  COMMAND,
  EXIT,
  type Outcome,
  run,
} from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { assertSynced, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { lackingRoot, system } from "../support/programs/tools.ts";

const lackingFuse =
  lackingRoot("nbdkit", "nbdfuse", "mount") ||
  (!existsSync("/dev/fuse") && "there is no FUSE here");

/** A file of a file system in another process, until the test ends. Nothing of it is cached, so that each question reaches that process. */
async function fuseFile(
  t: TestContext,
  server: readonly string[] = ["memory", "4M"],
): Promise<{ file: string; process: ChildProcess }> {
  const point = join(scratch(t), "fuse");
  mkdirSync(point);
  const file = join(point, "nbd");
  const options = ["-o", "attr_timeout=0", "-o", "entry_timeout=0"];
  const words = [...options, point, "[", "nbdkit", ...server, "]"];
  const process = spawn("nbdfuse", words, { stdio: "ignore", detached: true });
  defer(t, () => {
    if (existsSync(file)) system("umount", "--lazy", point);
    return kill(process);
  });
  await eventually(() => existsSync(file), { what: "mounted" });
  return { file, process };
}

/** Runs the program while a process is stopped, and so answers nothing. */
async function whileStopped(other: ChildProcess, args: string[]): Promise<Outcome> {
  other.kill("SIGSTOP");
  try {
    return await run(args, { timeoutMs: 15_000 });
  } finally {
    other.kill("SIGCONT");
  }
}

/** Runs a program in Python that says when it is ready, until the test ends. */
async function python(t: TestContext, text: string, ...words: string[]): Promise<void> {
  const child = spawn("python3", ["-c", text, ...words], { stdio: ["pipe", "pipe", "inherit"] });
  killAtEnd(t, child);
  await once(child.stdout, "data");
}

test("the file of a loop device", { skip: lackingFuse || lackingLoop }, async (t) => {
  const { from, to } = pair(t);
  const { file, process } = await fuseFile(t);
  attach(t, file);
  assertSynced(await whileStopped(process, ["sync", from, to]), to);
});

test("an unmounted file of a loop device", { skip: lackingFuse || lackingLoop }, async (t) => {
  const { from, to } = pair(t);
  const gone = await fuseFile(t);
  const other = await fuseFile(t);
  attach(t, gone.file);
  system("umount", "--lazy", dirname(gone.file));
  assertSynced(await whileStopped(gone.process, ["sync", from, to]), to);
  // It could be the file of the loop device: nothing tells where that lies.
  const refused = await whileStopped(gone.process, ["sync", from, other.file]);
  const why = /unknown whether it is in use, because the server .*\/dev\/loop\d+ .*--force/;
  assertFailed(refused, EXIT.busy, "sync", why);
});

const OPENER = `
import os, sys
opened = [os.open(name, os.O_RDWR) for name in sys.argv[1:]]
print("ready", flush=True)
sys.stdin.read()
`;

test("a file with the same inode", { skip: lackingFuse || lackingRoot("python3") }, async (t) => {
  const { from, folder } = pair(t);
  const { file, process } = await fuseFile(t);
  const tmpfs = mountTmpfs(t, folder, 2 * SOURCE.length);
  const { ino } = statSync(file);
  let to = "";
  for (let number = 0; to === "" || statSync(to).ino < ino; number += 1) {
    to = join(tmpfs, String(number));
    writeFileSync(to, "");
  }
  assert.equal(statSync(to).ino, ino, "no file got that inode");
  writeFileSync(to, SOURCE);
  await python(t, OPENER, file, to);
  const outcome = await whileStopped(process, ["sync", from, to]);
  assertFailed(outcome, EXIT.busy, "sync", /process \d+ \(python3.*\) has it .* open for writing/);
});

test("a stage that no signal ends does not keep sync waiting", { skip: lackingFuse }, async (t) => {
  const folder = scratch(t);
  // No read is ever answered: the stage waits for it in the kernel, where not even SIGKILL ends it.
  const { file } = await fuseFile(t, ["--filter=delay", "memory", "4M", "rdelay=3600"]);
  const [rsh, to] = [join(folder, "rsh"), join(folder, "copy")];
  script(rsh, 'for last; do :; done\nexec sh -c "$last"');
  writeFileSync(to, Buffer.alloc(4 * 1024 * 1024, 1));
  const far = ["--timeout", "2", "-e", rsh, "--remote-command", blockcopy()];
  const [program, ...words] = [...COMMAND, "sync", ...far, file, `host:${to}`];
  const child = spawn(program, words, { stdio: "ignore", detached: true });
  killAtEnd(t, child);
  const isReading = (): boolean =>
    system("ps", "-ww", "-eLo", "wchan:30,args")
      .split("\n")
      .some((line) => /^\S*(?:fuse|request_wait)/.test(line) && line.includes(file));
  await eventually(isReading, { what: "reads", seconds: 20 });
  const ended = once(child, "exit", { signal: AbortSignal.timeout(40_000) });
  child.kill("SIGTERM");
  const [code] = (await ended) as [number | null];
  assert.equal(code, EXIT.cut);
});
