// A copy over three connections. The first one is lost while the second one logs in, which was to open the queue of parts from there.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { noise } from "../support/files/files.ts";
import { script } from "../support/hosts/hosts.ts";
import { COMMAND, EXIT, quote, run } from "../support/programs/cli.ts";
import { pair } from "../support/programs/sync-pair.ts";
import { lackingPidfd } from "../support/programs/tools.ts";

/** Four parts. */
const source = noise("late", 16 * 2 ** 20);

/** The third stream has the queue when the first one is lost, and waits until the second one has a new connection. */
const RSH = `case $* in
*--part=1/3*) if mkdir one 2>&-; then
  { { dd bs=64K count=4 2>&-; until [ -e taken ]; do sleep 0.1; done; } |
    sh -c "$*" 2>&1 >&3 3>&- | grep --line-buffered -v '"event":"error"' >&2; } 3>&1
  : > gone
  exit 255
fi;;
*--part=2/3*) if mkdir two 2>&-; then until [ -e gone ]; do sleep 0.1; done; else : > again; fi;;
*--part=3/3*) { dd bs=64K count=4 2>&-; : > taken; until [ -e again ]; do sleep 0.1; done; cat; } | sh -c "$*"
exit;;
esac
exec sh -c "$*"`;

test("the first stream is lost while another one logs in", { skip: lackingPidfd() }, async (t) => {
  const { folder, from, to } = pair(t, { source, destination: noise("old", source.length) });
  script(join(folder, "rsh"), `shift; cd ${quote([folder])}\n${RSH}`);
  const remote = ["-e", join(folder, "rsh"), "--remote-command", quote(COMMAND)];
  const args = ["sync", "--streams", "3", "--compress", "none", ...remote, from, `host:${to}`];
  const { code, stderr } = await run(args);
  assert.equal(code, EXIT.ok, stderr);
  assertSame(readFileSync(to), source);
  const lines = stderr.match(/^WARNING .*$/gm) ?? [];
  assert.match(lines.join("\n"), /stream 1 of 3 copies its parts again over a new connection/);
  assert.match(lines.join("\n"), /stream 2 of 3: .*the list of the parts.*; next attempt in 1 s/);
  assert.match(stderr, /^ {2}16\.00 MiB read /m);
});
