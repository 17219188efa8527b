// Many connections to the same sshd, which drops some of those that arrive together (MaxStartups in sshd_config(5)).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { lackingHosts, script, startBusySshd, sync } from "../support/hosts/hosts.ts";
import { assertFailed, COMMAND, EXIT, quote, run } from "../support/programs/cli.ts";
import { lastOf, many, manyEvents } from "../support/programs/many.ts";
import { pair, SOURCE } from "../support/programs/sync-pair.ts";

/** The port of an sshd that lets two log in at a time. */
const PORT = 2223;

test(
  "6 destinations on a host where two may log in at a time",
  { skip: lackingHosts },
  async (t) => {
    startBusySshd(t, "one", PORT);
    const { from, to } = many(
      t,
      Array.from({ length: 6 }, (_, at) => [at]),
    );
    const named = to.map((path) => `ssh://one:${PORT}${path}`);
    const outcome = await sync(["--json", from, ...named]);
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    for (const path of to) assertSame(readFileSync(path), SOURCE, path);
    assert.equal(lastOf(manyEvents(outcome.stdout)).read, SOURCE.length, "the source is read once");
  },
);

test("5 streams to a host where two may log in at a time", { skip: lackingHosts }, async (t) => {
  startBusySshd(t, "one", PORT);
  const { from, to } = pair(t);
  const outcome = await sync(["--streams", "5", from, `ssh://one:${PORT}${to}`]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assertSame(readFileSync(to), SOURCE);
});

/** The words of ssh on a connection that sshd has dropped. */
const DROPPED = "kex_exchange_identification: read: Connection reset by peer";

test("a connection that was dropped twice", async (t) => {
  const { folder, from, to } = pair(t);
  const rsh = join(folder, "rsh");
  const dropTwice = `[ $(wc -l < ${folder}/tries) -gt 2 ] || { echo ${DROPPED} >&2; exit 255; }`;
  script(rsh, `for last; do :; done; echo >> ${folder}/tries\n${dropTwice}\nexec sh -c "$last"`);
  const there = ["-e", rsh, "--remote-command", quote(COMMAND)];
  const outcome = await run(["sync", ...there, from, `host:${to}`]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assertSame(readFileSync(to), SOURCE);
  assert.equal(outcome.stderr.match(/too many come at once/g)?.length, 1, outcome.stderr);
});

test("a connection of a jump host that has ended for another reason is not tried again", async (t) => {
  const { folder, from, to } = pair(t);
  const rsh = join(folder, "rsh");
  const lines = ["channel 0: open failed: connect failed: No route to host", DROPPED];
  script(rsh, `echo >> ${folder}/tries; printf '%s\\n' ${quote(lines)} >&2; exit 255`);
  assertFailed(
    await run(["sync", "-e", rsh, from, `host:${to}`]),
    EXIT.busy,
    "sync",
    /no connection/,
  );
  assert.equal(readFileSync(join(folder, "tries"), "utf8"), "\n");
});
