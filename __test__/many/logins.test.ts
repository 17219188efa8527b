// Many connections to the same sshd, which drops some of those that arrive together (MaxStartups in sshd_config(5)).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { loadAddon } from "../../src/native/load.ts";
import { Bootstrap } from "../../src/sync/bootstrap/bootstrap.ts";
import { parseEndpoint } from "../../src/sync/connection/endpoint.ts";
import type { Listener } from "../../src/sync/listener.ts";
import { Side } from "../../src/sync/side.ts";
import { Silence } from "../../src/sync/silence.ts";
import { stageProgram } from "../../src/sync/stage-program.ts";
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

/** The limit on silence in the next tests, in seconds. */
const TIMEOUT = 6;

/** Makes the seconds of silence pass only when the returned function is called. */
function passingSeconds(t: TestContext): (seconds: number) => void {
  // The types are those of an older Node.
  t.mock.timers.enable({ apis: ["setInterval"] } as never);
  return (seconds) => t.mock.timers.tick(seconds * 1000);
}

test("a stage whose login waits for its next attempt is not silent", (t) => {
  const pass = passingSeconds(t);
  let given = 0;
  const options = { timeout: TIMEOUT, warn: () => undefined, giveUp: () => (given += 1) };
  const listener = { of: () => () => undefined } as unknown as Listener;
  // For a remote side, a terminal to ask on would lift the limit.
  const side = new Side(parseEndpoint("/disk"), "source");
  const { onStart, login } = stageProgram(
    side,
    {
      command: () => ["ssh"],
      login: {
        turn: () => Promise.resolve(),
        done: Promise.resolve(),
        ended: () => 500,
        succeeded: () => undefined,
      },
    },
    { listener, silence: new Silence(options) },
  );
  for (let attempt = 0; attempt < 2; attempt += 1) {
    onStart?.(() => undefined);
    pass(TIMEOUT - 1);
    assert.equal(login?.ended({ code: 255 }), 500);
    pass(60);
  }
  assert.equal(given, 0);
  onStart?.(() => undefined);
  pass(TIMEOUT);
  assert.equal(given, 1);
});

test("a bootstrap whose login waits for its next attempt is not silent", async (t) => {
  const pass = passingSeconds(t);
  const { folder } = pair(t);
  const dropOnce = `[ $(wc -l < ${folder}/tries) -gt 1 ] || { echo ${DROPPED} >&2; exit 255; }`;
  const rsh = standIn(folder, `${dropOnce}\nexit 127`);
  const says = { warn: () => pass(60), tell: () => undefined, debug: () => undefined };
  const bootstrap = await Bootstrap.of(
    { native: loadAddon(), ...says },
    { rsh, remoteCommand: undefined, sudo: false, bootstrap: "never", timeout: TIMEOUT },
    { ends: [] },
  );
  const side = new Side(parseEndpoint("host:/disk"), "source");
  await assert.rejects(bootstrap.send(side), /there is no blockcopy on host/);
  assert.equal(triesIn(folder), 2);
});
