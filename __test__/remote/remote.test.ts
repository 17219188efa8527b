// Copies between hosts with one command: each direction, each way to name a host and a file.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { noise, scratch } from "../support/files/files.ts";
import { addressOf, lackingHosts, logins, OTHER_PORT, sync } from "../support/hosts/hosts.ts";
import { assertSynced, changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";

const skip = lackingHosts;
for (const [what, a, b] of [
  ["here to there", "", "one:"],
  ["there to here", "one:", ""],
  ["between two others", "one:", "two:"],
  ["within another", "one:", "one:"],
] as const) {
  test(`from ${what}, with one connection for each end`, { skip }, async (t) => {
    const { from, to } = pair(t);
    const count = (): number => logins("one") + logins("two");
    const before = count();
    assertSynced(await sync([`${a}${from}`, `${b}${to}`]), to);
    assert.equal(count() - before, [a, b].filter(Boolean).length);
    assertSame(readFileSync(from), SOURCE, "the source");
  });
}

const { far6 } = addressOf("one");
// Names of hosts are read in endpoint.test.ts.
for (const host of [`root@[${far6}]:`, `ssh://root@one:${OTHER_PORT}`]) {
  test(`a host named ${host}`, { skip }, async (t) => {
    const { from, to } = pair(t);
    assertSynced(await sync([`${host}${from}`, to]), to);
  });
}

/** Names in a folder, with all that means something to a shell or to sync. */
const NAMES = [
  'it\'s  "quoted"; touch harm $(touch harm) `touch harm`',
  "two\nlines & | < > * ? [a-z] {a,b} ! # \\ \\n %s a:b \u{e9}\u{1f4be}",
];
for (const name of NAMES) {
  test(`a file named ${JSON.stringify(name)}`, { skip }, async (t) => {
    const { folder } = pair(t);
    const [from, to] = [join(folder, name), join(folder, `${name}.copy`)];
    writeFileSync(from, SOURCE);
    writeFileSync(to, changedIn(SOURCE, 3));
    // Both names pass through a shell there.
    assertSynced(await sync([`one:${from}`, `two:${to}`]), to);
  });
}

test("a relative path there begins in the home folder, also with ~/", { skip }, async (t) => {
  const folder = scratch(t, homedir());
  const name = folder.slice(homedir().length + 1);
  const { from } = pair(t);
  for (const [path, file] of [
    [`${name}/`, "a file"],
    [`~/${name}/`, "-file"],
    [`~root/${name}/`, "a file"],
  ] as const) {
    const to = join(folder, file);
    writeFileSync(to, noise("other", SOURCE.length));
    assertSynced(await sync([from, `one:${path}${file}`]), to);
  }
});
