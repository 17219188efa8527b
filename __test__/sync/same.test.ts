// A copy of something onto itself is refused, whatever each side calls it.
import assert from "node:assert/strict";
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { defer } from "../support/cleanup.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";
import { lackingHosts, sync } from "../support/hosts/hosts.ts";
import { allGone } from "../support/hosts/host-state.ts";
import { lackingLoop, loopWith } from "../support/files/loop.ts";
import { pair, SOURCE } from "../support/programs/sync-pair.ts";
import { system } from "../support/programs/tools.ts";

test("a file and itself on another host, by whatever name", { skip: lackingHosts }, async (t) => {
  const { folder, from } = pair(t);
  const [link, name] = [join(folder, "link"), join(folder, "name")];
  const same = `${folder}/folder/../source`;
  symlinkSync(from, link);
  linkSync(from, name);
  mkdirSync(join(folder, "folder"));
  const before = statSync(from, { bigint: true });
  for (const [other, a, b] of [
    [link, "one:", "one:"],
    [name, "", "one:"],
    [same, "one:", ""],
  ] as const)
    assertFailed(
      await sync([`${a}${from}`, `${b}${other}`]),
      EXIT.usage,
      "sync",
      new RegExp(`${a}${from} and ${b}${other} are the same; give two different ones$`, "m"),
    );
  assertSame(readFileSync(from), SOURCE);
  assert.equal(statSync(from, { bigint: true }).mtimeNs, before.mtimeNs);
  await allGone(3);
});

test("a file and itself, in a dry run here", async (t) => {
  const { folder, from } = pair(t);
  const link = join(folder, "link");
  symlinkSync(from, link);
  for (const ends of [
    [from, link],
    [link, from],
  ]) {
    const outcome = await run(["sync", "-n", ...ends]);
    assertFailed(outcome, EXIT.usage, "sync", /are the same; /);
    assert.equal(outcome.stderr.split("\n").length, 2, outcome.stderr);
  }
});

test("a device and itself through another node", { skip: lackingLoop }, async (t) => {
  const folder = scratch(t);
  const loop = loopWith(t, folder, noise("device", 2 ** 20));
  const node = `/dev/blockcopy-${basename(loop.path)}-${process.pid}`;
  const [major = "", minor = ""] = system("stat", "-c", "0x%t 0x%T", loop.path).trim().split(" ");
  system("mknod", node, "b", major, minor);
  defer(t, () => rmSync(node));
  assertFailed(await run(["sync", loop.path, node]), EXIT.usage, "sync", /are the same/);
  assertFailed(await run(["sync", "-n", loop.path, node]), EXIT.usage, "sync", /are the same/);
  if (lackingHosts === false) {
    const outcome = await sync([loop.path, `one:${node}`]);
    assertFailed(outcome, EXIT.usage, "sync", /are the same/);
    assert.doesNotMatch(outcome.stderr, /WARNING/);
  }
});
