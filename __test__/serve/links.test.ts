// Links on the way to what a key may read or write.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { defer } from "../support/cleanup.ts";
import { assertSame } from "../support/files/bytes.ts";
import { scratch } from "../support/files/files.ts";
import { loopWith } from "../support/files/loop.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { assertFailed, EXIT } from "../support/programs/cli.ts";
import { servedFolders, syncServed } from "../support/programs/served.ts";
import { assertSynced, changedIn, SOURCE } from "../support/programs/sync-pair.ts";
import { lacking, lackingRoot } from "../support/programs/tools.ts";

test("a link of udev leads to its device", { skip: lackingRoot("losetup") }, async (t) => {
  const place = `/dev/blockcopy-test-${process.pid}`;
  const rights = ["--allow-read", `${place}/*`, "--allow-write", `${place}/disk`];
  const folder = scratch(t);
  const content = SOURCE.subarray(0, 2 ** 20);
  const loop = loopWith(t, folder, content);
  mkdirSync(place);
  defer(t, () => rmSync(place, { recursive: true, force: true }));
  symlinkSync(`..${loop.path.slice("/dev".length)}`, join(place, "disk"));
  const here = join(folder, "here");
  writeFileSync(here, changedIn(content, 1));
  assertSynced(await syncServed(folder, rights, [`host:${place}/disk`, here]), here, content);
  writeFileSync(here, changedIn(content, 2, 3));
  const options = ["--lock", "--verify", "full"];
  const pushed = await syncServed(folder, rights, [...options, here, `host:${place}/disk`]);
  assert.equal(pushed.code, EXIT.ok, pushed.stderr);
  assert.deepEqual(readFileSync(loop.path), changedIn(content, 2, 3));
  // The device itself does not match.
  const outcome = await syncServed(folder, rights, [`host:${loop.path}`, here]);
  assertFailed(outcome, EXIT.permission, "sync", /not allow reading \/dev\/loop/);
});

/** Swaps a folder for a link to another one, and back, without a moment in which neither exists. */
function swapping(t: TestContext, folder: string, other: string): () => Promise<void> {
  const link = `${folder}-link`;
  symlinkSync(other, link);
  const python = `import ctypes, sys
libc = ctypes.CDLL(None)
one, other = (word.encode() for word in sys.argv[1:])
while libc.renameat2(-100, one, -100, other, 2) == 0: pass`;
  const child = spawn("python3", ["-c", python, folder, link], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  killAtEnd(t, child);
  return stop;
}

test(
  "a folder that is swapped for a link all the time",
  { skip: lacking("python3") },
  async (t) => {
    const { folder, words, here } = servedFolders(t);
    const [secret, out] = [join(folder, "secret"), join(folder, "out")];
    mkdirSync(secret);
    writeFileSync(join(secret, "disk.img"), Buffer.alloc(SOURCE.length, "secret"));
    const stop = swapping(t, out, secret);
    let copied = 0;
    for (let round = 0; round < 3; round += 1) {
      writeFileSync(here, changedIn(SOURCE, round));
      const outcome = await syncServed(folder, words, [`host:${out}/disk.img`, here]);
      if (outcome.code === EXIT.ok) {
        copied += 1;
        assertSame(readFileSync(here), SOURCE);
      } else {
        assert.ok(
          [EXIT.permission, EXIT.missing].some((code) => code === outcome.code),
          outcome.stderr,
        );
        assertSame(readFileSync(here), changedIn(SOURCE, round));
      }
    }
    await stop();
    t.diagnostic(`${copied} of 3 copies found the folder, the others the link`);
  },
);
