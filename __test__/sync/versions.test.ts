// Another version of blockcopy on the other host: this one, in a wrapper that changes its output or its arguments.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, EXIT, type Outcome, PROJECT, quote, run } from "../support/programs/cli.ts";
import { lackingHosts, script, sync } from "../support/hosts/hosts.ts";
import { allGone } from "../support/hosts/host-state.ts";
import { assertSynced, pair, SOURCE } from "../support/programs/sync-pair.ts";

const skip = lackingHosts;

const { version } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as {
  version: string;
};

/** Copies to a host whose events go through a command, and whose stage gets another option. */
async function copyWith(
  t: TestContext,
  events: string,
  option = "",
): Promise<{ outcome: Outcome; to: string }> {
  const { folder, from, to } = pair(t);
  const wrapper = join(folder, "wrapper");
  const words = `stage=$1; shift; blockcopy "$stage" ${option} "$@" 2>&1 >&3 3>&- | ${events} >&2`;
  script(wrapper, `exec 3>&1; exec bash -o pipefail -c ${quote([words])} bash "$@"`);
  return { outcome: await sync(["--remote-command", wrapper, from, `one:${to}`]), to };
}

test(
  "a stage says which version it is, and the number of its events",
  { skip: false },
  async () => {
    const { stderr } = await run(["receive", "/nonexistent"]);
    assert.deepEqual(JSON.parse(stderr.split("\n")[0] ?? ""), {
      event: "hello",
      blockcopy: version,
      events: 1,
    });
  },
);

test("events of another format: both versions, and which is older", { skip }, async (t) => {
  for (const [there, pattern] of [
    ["0.0.9", `on one, which has the older one$`],
    ["99.0.0", `install blockcopy 99.0.0 here: this is the older one$`],
    [version, `install the same blockcopy here and on one$`],
  ] as const) {
    const events = `sed -u 's/"blockcopy":"[^"]*","events":1/"blockcopy":"${there}","events":2/'`;
    const { outcome } = await copyWith(t, events);
    const words = `blockcopy ${there} on one writes events of format 2, and ${version} here knows 1; `;
    assertFailed(outcome, EXIT.busy, "sync", new RegExp(words), new RegExp(pattern));
  }
  await allGone(3);
});

test("an option that a stage does not know: both versions, if they differ", { skip }, async (t) => {
  const events = `sed -u 's/"blockcopy":"[^"]*"/"blockcopy":"0.0.9"/'`;
  const other = await copyWith(t, events, "--from-the-future");
  assertFailed(
    other.outcome,
    EXIT.usage,
    "sync",
    /on one: .*--from-the-future/,
    new RegExp(`\\(blockcopy 0\\.0\\.9 there, ${version} here\\); .*which has the older one$`),
  );
  const same = await copyWith(t, "cat", "--from-the-future");
  assertFailed(same.outcome, EXIT.usage, "sync", /on one: .*--from-the-future/);
  assert.doesNotMatch(same.outcome.stderr, /version|older|there/);
});

test("events and fields that this version does not know are skipped", { skip }, async (t) => {
  const events = `sed -u -e '1i {"event":"tomorrow","x":[1]}' -e 's/^{/{"new":{"a":1},/' -e 's/^{"new":{"a":1},\\("event":"[a-z]*"\\)/{\\1,"new":1/'`;
  const { outcome, to } = await copyWith(t, events);
  assertSynced(outcome, to);
  assertSame(readFileSync(to), SOURCE);
});
