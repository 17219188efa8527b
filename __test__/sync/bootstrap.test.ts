// Hosts without blockcopy: it is sent there, kept, and used again.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { NO_INSPECTOR } from "../../src/native/node-start.ts";
import { bare, type Bare } from "../support/hosts/bare-host.ts";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertFailed,
  EXIT,
  type Outcome,
  quote,
  withoutSummary,
} from "../support/programs/cli.ts";
import { lackingHosts, logins, script, sync } from "../support/hosts/hosts.ts";
import { allGone } from "../support/hosts/host-state.ts";
import { assertSynced, changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";

const skip = lackingHosts;

/** Asserts that the copy was made and that blockcopy was sent to `hosts`, with one line for each. */
function assertSent({ code, stderr }: Outcome, to: string, ...hosts: string[]): void {
  assert.equal(code, EXIT.ok, stderr);
  const line = /^blockcopy sync: sent blockcopy [\d.]+ to (\w+) \([\d.]+ MiB, kept in (\S+)\)$/;
  assert.deepEqual(
    withoutSummary(stderr)
      .split("\n")
      .filter(Boolean)
      .map((text) => line.exec(text)?.[1] ?? text)
      .toSorted(),
    hosts,
  );
  assertSame(readFileSync(to), SOURCE, "the destination");
}

test("empty homes at both ends", { skip }, async (t) => {
  const { rsh, kept, packages } = bare(t);
  const { from, to } = pair(t);
  const args = ["-e", rsh, `one:${from}`, `two:${to}`];
  assertSent(await sync(args), to, "one", "two");
  for (const host of ["one", "two"] as const) {
    assert.equal(packages(host).length, 1);
    for (const folder of [kept(host), join(kept(host), packages(host)[0] ?? "")])
      assert.equal(statSync(folder).mode & 0o7777, 0o700);
  }
  writeFileSync(to, changedIn(SOURCE, 5));
  const before = logins("one") + logins("two");
  assertSynced(await sync(args), to);
  assert.equal(logins("one") + logins("two") - before, 2);
  await allGone(3);
});

test("--no-bootstrap sends nothing, and runs nothing that was sent", { skip }, async (t) => {
  const { rsh, path, packages } = bare(t);
  const { from, to } = pair(t);
  const patterns = [
    /there is no blockcopy on one \(Node v/,
    new RegExp(`PATH there: ${path}\\)`),
    /--no-bootstrap/,
  ];
  const args = ["-e", rsh, from, `one:${to}`];
  assertFailed(await sync(["--no-bootstrap", ...args]), EXIT.busy, "sync", ...patterns);
  assert.deepEqual(packages("one"), []);
  assertSent(await sync(args), to, "one");
  assertFailed(await sync(["--no-bootstrap", ...args]), EXIT.busy, "sync", ...patterns);
});

for (const [what, node, ...patterns] of [
  [
    "no Node",
    null,
    /on one, nor a Node/,
    /\(no Node, Linux \w+; PATH there: /,
    /install Node 18 \(18\.17 or later\), 20/,
    /or copy the single executable for the CPU of that host to \/usr\/local\/bin\/blockcopy/,
  ],
  [
    "an old Node",
    "echo v18.16.1",
    /its Node is too old \(Node v18\.16\.1, Linux/,
    /install Node 18 \(18\.17 or later\), 20/,
  ],
] as const) {
  test(`${what} there`, { skip }, async (t) => {
    const { rsh, packages } = bare(t, { node });
    const { from, to } = pair(t);
    const outcome = await sync(["-e", rsh, from, `one:${to}`]);
    assertFailed(outcome, EXIT.busy, "sync", ...patterns);
    assert.deepEqual(packages("one"), []);
  });
}

test(
  "a folder above that others may write to is refused, with each advice once",
  { skip },
  async (t) => {
    const { rsh, kept } = bare(t);
    const { from, to } = pair(t);
    const above = dirname(dirname(kept("one")));
    mkdirSync(above);
    chmodSync(above, 0o777);
    const outcome = await sync(["-e", rsh, from, `one:${to}`]);
    assertFailed(outcome, EXIT.busy, "sync", /nothing is installed below it/);
    assert.equal(outcome.stderr.match(/install blockcopy there/g)?.length, 1, outcome.stderr);
    assert.equal(outcome.stderr.match(/XDG_CACHE_HOME/g)?.length, 1, outcome.stderr);
  },
);

test("an upload that is cut off is not used", { skip }, async (t) => {
  const { rsh, packages } = bare(t, { input: "head -c 700000" });
  const { from, to } = pair(t);
  const outcome = await sync(["-e", rsh, from, `one:${to}`]);
  assertFailed(outcome, EXIT.busy, "sync", /sent to one and could not be stored there/);
  assert.deepEqual(packages("one"), []);
});

test("a kept package that is damaged is replaced", { skip }, async (t) => {
  const host = bare(t);
  const { from, to } = pair(t);
  const args = ["-e", host.rsh, from, `one:${to}`];
  assertSent(await sync(args), to, "one");
  rmSync(join(folderOf(host), "node_modules"), { recursive: true });
  assertSent(await sync(args), to, "one");
  assert.equal(host.packages("one").length, 1);
  chmodSync(host.kept("one"), 0o777);
  assertFailed(await sync(args), EXIT.busy, "sync", /others may write to .*\(mode 0777\)/);
});

function folderOf({ kept, packages }: Bare): string {
  return join(kept("one"), packages("one")[0] ?? "");
}

test("several senders at once", { skip }, async (t) => {
  const { rsh, packages } = bare(t);
  const pairs = [pair(t), pair(t)];
  const outcomes = await Promise.all(
    pairs.map(({ from, to }) => sync(["-e", rsh, from, `one:${to}`])),
  );
  for (const [place, { code, stderr }] of outcomes.entries()) {
    assert.equal(code, EXIT.ok, stderr);
    assertSame(readFileSync(pairs[place]?.to ?? ""), SOURCE);
  }
  assert.equal(packages("one").length, 1);
});

test("with --sudo, Node and the package are called by their full paths", { skip }, async (t) => {
  const host = bare(t);
  const { folder, from, to } = pair(t);
  const log = join(folder, "log");
  script(join(host.path, "sudo"), `echo "$*" >> ${quote([log])}; shift; exec "$@"`);
  assertSent(await sync(["--sudo", "-e", host.rsh, from, `one:${to}`]), to, "one");
  assert.equal(
    readFileSync(log, "utf8").replace(/ receive .*\n$/s, ""),
    `-n ${host.path}/node ${NO_INSPECTOR} ${folderOf(host)}/dist/cli/main.js`,
  );
});

test("with --sudo, a host without sudo", { skip }, async (t) => {
  const { rsh, path } = bare(t);
  const { from, to } = pair(t);
  script(join(path, "blockcopy"), "exit 0");
  const outcome = await sync(["--sudo", "-e", rsh, from, `one:${to}`]);
  assertFailed(outcome, EXIT.busy, "sync", /run on one: .*sudo: not found; install sudo there/);
});

test(
  "a blockcopy in the PATH comes first, and one that cannot start is not replaced",
  { skip },
  async (t) => {
    const { rsh, path, packages } = bare(t);
    const { from, to } = pair(t);
    script(join(path, "blockcopy"), "exec /nonexistent/node");
    const outcome = await sync(["-e", rsh, from, `one:${to}`]);
    assertFailed(
      outcome,
      EXIT.busy,
      "sync",
      /no blockcopy on one that runs/,
      /PATH there: .*nonexistent/,
    );
    assert.deepEqual(packages("one"), []);
  },
);
