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

/** Makes a program that stands in for ssh, and notes each connection in the file `tries`. `text` is what it does then, with the remote command in `$last`. */
function standIn(folder: string, text: string, name = "ssh"): string {
  const path = join(folder, name);
  const unasked = "for last; do case $last in -V | -G) exit 1 ;; esac; done";
  script(path, `${unasked}\necho >> ${folder}/tries\n${text}`);
  return path;
}

/** The connections that a stand-in for ssh has made. */
function triesIn(folder: string): number {
  return readFileSync(join(folder, "tries"), "utf8").length;
}

test("a connection that was dropped twice", async (t) => {
  const { folder, from, to } = pair(t);
  const dropTwice = `[ $(wc -l < ${folder}/tries) -gt 2 ] || { echo ${DROPPED} >&2; exit 255; }`;
  const rsh = standIn(folder, `${dropTwice}\nexec sh -c "$last"`);
  script(join(folder, "blockcopy"), `exec ${quote(COMMAND)} "$@"`);
  const there = ["-e", `${rsh} -p 7`, "--remote-command", join(folder, "blockcopy")];
  const outcome = await run(["sync", ...there, from, `host:${to}`]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assertSame(readFileSync(to), SOURCE);
  assert.equal(outcome.stderr.match(/too many come at once/g)?.length, 1, outcome.stderr);
});

const NO_ROUTE = "channel 0: open failed: connect failed: No route to host";

for (const { title, name, words = "", lines = [], there = [] } of [
  { title: "of a jump host that has ended for another reason", name: "ssh", lines: [NO_ROUTE] },
  { title: "of a wrapper", name: "rsh" },
  { title: "of an ssh that is started on a gateway", name: "ssh", words: " -p 7 gateway ssh" },
  {
    title: "of an ssh in the remote command",
    name: "ssh",
    there: ["--remote-command", "ssh inner blockcopy"],
  },
])
  test(`a connection ${title} is not tried again`, async (t) => {
    const { folder, from, to } = pair(t);
    // An outer connection has read some of the input by the time the inner one is dropped.
    const said = quote([...lines, DROPPED]);
    const rsh = standIn(folder, `printf '%s\\n' ${said} >&2; exit 255`, name);
    assertFailed(
      await run(["sync", "-e", rsh + words, ...there, from, `host:${to}`]),
      EXIT.busy,
      "sync",
      /no connection/,
    );
    assert.equal(triesIn(folder), 1);
  });

test("a login that waits for its next attempt is not blamed for the failure of another host", async (t) => {
  const { folder, from, to } = pair(t);
  const drop = `[ "$host" = one ] && { touch ${folder}/dropped; echo ${DROPPED} >&2; exit 255; }`;
  const wait = `until [ -e ${folder}/dropped ]; do sleep 0.05; done; sleep 0.3`;
  const isOne = `case " $* " in *" one "*) host=one ;; esac`;
  const rsh = standIn(folder, `${isOne}\n${drop}\n${wait}\necho no shell >&2; exit 127`);
  assertFailed(
    await run(["sync", "-e", rsh, "--bootstrap", "never", `two:${from}`, `one:${to}`]),
    EXIT.busy,
    "sync",
    /there is no blockcopy on two: no shell/,
  );
});
