// A source that another process may write to during the copy gets one warning; one that only seems to be in use gets none.
import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { defer } from "../support/cleanup.ts";
import {
  assertSucceeded,
  EXIT,
  type Outcome,
  run,
  withoutSummary,
} from "../support/programs/cli.ts";
import { scratch } from "../support/files/files.ts";
import { lackingHosts, sync } from "../support/hosts/hosts.ts";
import { lackingLoop } from "../support/files/loop.ts";
import { mountedLoop } from "../support/files/mount.ts";
import { assertSynced, changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { lacking, system } from "../support/programs/tools.ts";
import { DONE } from "../support/wire/frames.ts";

/** Asserts success with a single warning, which is about `source` and says `why`. */
function assertWarned(outcome: Outcome, source: string, why: string): void {
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assert.equal(
    withoutSummary(outcome.stderr),
    `WARNING (sync): ${source} is in use: ${why}; changes made during the copy may be copied in part (copy a snapshot)\n`,
  );
}

/** Has a file open for writing until the test ends or what is returned is called. */
function writing(t: TestContext, file: string): () => void {
  let fd: number | undefined = openSync(file, "r+");
  const close = (): void => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  };
  defer(t, close);
  return close;
}

test("a file that is open for writing", async (t) => {
  const { from, to } = pair(t);
  const close = writing(t, from);
  const why = "it is open for writing";
  assertWarned(await run(["sync", from, to]), `the source ${from}`, why);
  assertWarned(await run(["sync", "-n", from, to]), `the source ${from}`, why);
  close();
  assertSynced(await run(["sync", from, to]), to);
  // The destination is another file, whoever writes to it.
  writing(t, to);
  assertSynced(await run(["sync", from, to]), to);
});

test("a file that is open for writing on another host", { skip: lackingHosts }, async (t) => {
  const { from, to } = pair(t);
  writing(t, from);
  const outcome = await sync([`one:${from}`, to]);
  assertWarned(outcome, `one: the source ${from}`, "it is open for writing");
});

test("retrieve has no word about it unless it was asked for details", async (t) => {
  const { from } = pair(t);
  writing(t, from);
  assertSucceeded(await run(["retrieve", from], { stdin: DONE }));
  const { code, stderr } = await run(["retrieve", "-v", from], { stdin: DONE });
  assert.equal(code, EXIT.ok);
  assert.match(stderr, /^blockcopy retrieve: the source .* is in use: it is open for writing; /m);
});

test(
  "a device that is mounted, and its backing file",
  { skip: lackingLoop || lacking("mkfs.ext4") },
  async (t) => {
    const folder = scratch(t);
    const { backing, loop, point } = mountedLoop(t, folder);
    const to = join(folder, "copy");
    writeFileSync(to, changedIn(readFileSync(backing), 0, 17));
    assertSynced(await run(["sync", loop.path, to]), to, readFileSync(backing));
    system("mount", "-o", "remount,rw", point);
    const mounted = `mounted on ${point}`;
    assertWarned(await run(["sync", loop.path, to]), `the source ${loop.path}`, `it is ${mounted}`);
    assertWarned(
      await run(["sync", backing, to]),
      `the source ${backing}`,
      `it backs ${loop.path}, and that is ${mounted}`,
    );
  },
);

test(
  "a source without known writers: the file of another user",
  { skip: lacking("setpriv") },
  async (t) => {
    const { from, to } = pair(t);
    writing(t, from);
    // Root without the right to ask, and so without an answer.
    const prefix = ["setpriv", "--bounding-set", "-lease,-chown", "--inh-caps", "-all"];
    system("chown", "65534", from);
    assertSynced(await run(["sync", from, to], { prefix }), to, SOURCE);
  },
);
