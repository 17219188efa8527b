// Of several copies to one destination only one runs, where that is asked for.
import assert from "node:assert/strict";
import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertFailed,
  assertSucceeded,
  EXIT,
  run,
  withoutSummary,
} from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";
import { lackingHosts, sync } from "../support/hosts/hosts.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { hasLocked, makePipe, type Running, start } from "../support/programs/pipe.ts";
import { pair, SOURCE } from "../support/programs/sync-pair.ts";
import { DONE } from "../support/wire/frames.ts";

/** A `save` that has `file` locked until it is told to end. */
async function lockHolder(
  t: TestContext,
  file: string,
): Promise<{ holder: Running; end: () => Promise<void> }> {
  const { reader, writer } = makePipe(t);
  const holder = start(t, ["save", "--lock", file], { stdin: reader.fd });
  await hasLocked(holder);
  const end = async (): Promise<void> => {
    writeFileSync(writer.fd, DONE);
    writer.close();
    assert.equal((await holder.ended).code, EXIT.ok, holder.stderr());
  };
  return { holder, end };
}

test("a file that is locked: the second is told to come back, by whom, and the first goes on", async (t) => {
  const { from, to } = pair(t);
  const before = readFileSync(to);
  const { holder, end } = await lockHolder(t, to);
  assertFailed(
    await run(["sync", "--lock", from, to]),
    EXIT.cut,
    "sync",
    new RegExp(`cannot write ${to}: it is locked by process ${holder.pid} \\(`),
    /; run it again when the lock has been released/,
  );
  assertFailed(
    await run(["save", "--lock", "--force", to], { stdin: DONE }),
    EXIT.cut,
    "save",
    /locked by process/,
  );
  // A dry run takes no lock, but it reports the other copy, as does a copy without --lock.
  for (const how of [["-n", "--lock"], []])
    assertFailed(
      await run(["sync", ...how, from, to]),
      EXIT.busy,
      "sync",
      new RegExp(`process ${holder.pid} \\(.*\\) has it or a part of it open for writing`),
    );
  assertSame(readFileSync(to), before);
  await end();
  assertSucceeded(await run(["sync", "--lock", from, to]));
  assertSame(readFileSync(to), SOURCE);
  assert.ok(!existsSync(`${to}.lock`));
});

test("two copies at once, and the first killed", async (t) => {
  const folder = scratch(t);
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  for (const file of [from, to]) {
    writeFileSync(file, "");
    truncateSync(file, 8 * 2 ** 30);
  }
  const first = start(t, ["sync", "--lock", from, to], {});
  await hasLocked(first);
  process.kill(first.pid, "SIGSTOP");
  const second = await run(["sync", "--lock", from, to]);
  assertFailed(second, EXIT.cut, "sync", new RegExp(`locked by process ${first.pid} `));
  process.kill(first.pid, "SIGKILL");
  assert.equal((await first.ended).signal, "SIGKILL");
  assertSucceeded(await run(["save", "--lock", to], { stdin: DONE }));
});

test("a file that is locked on another host", { skip: lackingHosts }, async (t) => {
  const { from, to } = pair(t);
  const { holder, end } = await lockHolder(t, to);
  assertFailed(
    await sync(["--lock", from, `one:${to}`]),
    EXIT.cut,
    "sync",
    new RegExp(`on one: cannot write ${to}: it is locked by process ${holder.pid} `),
  );
  await end();
  const { code, stderr } = await sync(["--lock", from, `one:${to}`]);
  assert.deepEqual([code, withoutSummary(stderr)], [EXIT.ok, ""]);
  assertSame(readFileSync(to), SOURCE);
});

test("a device that is locked", { skip: lackingLoop }, async (t) => {
  const folder = scratch(t);
  const source = noise("source", 2 ** 20);
  const from = join(folder, "source");
  writeFileSync(from, source);
  const loop = loopWith(t, folder, noise("before", source.length));
  const { holder, end } = await lockHolder(t, loop.path);
  const [second, without] = await Promise.all([
    run(["sync", "--lock", from, loop.path]),
    run(["sync", from, loop.path]),
  ]);
  assertFailed(second, EXIT.cut, "sync", new RegExp(`locked by process ${holder.pid} `));
  assertFailed(without, EXIT.busy, "sync", /has it open exclusively/);
  // A copy that starts while the first is about to end waits for it.
  const [third] = await Promise.all([run(["sync", "--lock", from, loop.path]), end()]);
  assertSucceeded(third);
  assertSame(deviceContent(loop), source);
});
