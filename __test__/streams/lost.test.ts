// Copies over several connections that lose some of them, with a script in the place of ssh.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { noise, scratch } from "../support/files/files.ts";
import { script } from "../support/hosts/hosts.ts";
import { assertFailed, COMMAND, EXIT, type Outcome, quote, run } from "../support/programs/cli.ts";
import { pair, type Pair } from "../support/programs/sync-pair.ts";
import { lossesIn } from "./losses.ts";

const MIB = 2 ** 20;

/** Four parts. */
const source = noise("lost", 16 * MIB);

const old = noise("old", source.length);

/** A connection of the second stream that is lost after a MiB, in reads of 64 KiB. */
interface Lost {
  /** The lines of sh(1) for a connection of the second stream, in which `lose` loses it. */
  second: string;
  /** The file whose existence lets the first stream go on: `gate` is made when a MiB has been carried. */
  go?: "gate" | "back";
  /** The filter for what the stage says. */
  says?: string;
  options?: readonly string[];
}

/** Runs a copy to a host over two connections. The first one waits for the loss of the second. */
async function losing(
  t: TestContext,
  { second, go = "gate", says, options = [] }: Lost,
): Promise<Outcome & Pair> {
  const files = pair(t, { source, destination: old });
  const { folder, from, to } = files;
  const rsh = join(folder, "rsh");
  script(
    rsh,
    `shift
lose() {
  { { dd bs=64K count=16 2>&-; touch gate; until [ -e other ]; do sleep 0.1; done; } |
    sh -c "$1" 2>&1 >&3 3>&- | ${says ?? `grep --line-buffered -v '"event":"error"'`} >&2; } 3>&1
  echo "Connection to host closed." >&2
  exit 255
}
case $* in
*--part=2/2*) ${second};;
*--part=*) { dd bs=64K count=4 2>&-; touch other; until [ -e ${go} ]; do sleep 0.1; done; cat; } | sh -c "$*"
exit $?;;
esac
exec sh -c "$*"`,
  );
  const remote = ["-e", rsh, "--remote-command", quote(COMMAND), "--compress", "none"];
  const args = ["sync", "--streams", "2", ...options, ...remote, from, `host:${to}`];
  return { ...files, ...(await run(args, { cwd: folder })) };
}

/** A copy that does not survive the loss of its connections. */
interface Loss extends Pick<Lost, "says"> {
  what: string;
  /** Lines about new connections. */
  warnings: readonly RegExp[];
  code?: number;
  message: RegExp;
}

const LOST = /the connection to host was lost, .*: Connection to host closed; run it again/;

const LOSSES: readonly Loss[] = [
  {
    what: "too many connections",
    warnings: [
      /stream 2 of 2 .* \(1 of at most 3\)/,
      /stream 2 of 2 .* \(2 of at most 3\)/,
      /stream 2 of 2 .* \(3 of at most 3\)/,
      /stream 2 of 2 gets no new connection: 3 were lost before/,
    ],
    message: LOST,
  },
  {
    what: "a stage that has failed by itself",
    says: `sed -u 's/"consequence":true/"consequence":false/'`,
    warnings: [],
    code: EXIT.protocol,
    message: /on host: incomplete read of block data/,
  },
];

describe("a copy that cannot survive", { concurrency: true }, () => {
  for (const { what, says, warnings, code, message } of LOSSES) {
    test(what, async (t) => {
      const outcome = await losing(t, { second: 'lose "$*"', ...(says !== undefined && { says }) });
      assertFailed(outcome, code ?? EXIT.cut, "sync", message);
      const losses = lossesIn(outcome.stderr);
      assert.equal(losses.length, warnings.length, outcome.stderr);
      warnings.forEach((warning, index) => assert.match(losses[index] ?? "", warning));
    });
  }
});

test("an audit counts what the lost process has repaired", async (t) => {
  const map = join(scratch(t), "map");
  writeFileSync(map, `0 ${4 * MIB}\n`);
  const { to, code, stderr } = await losing(t, {
    second: `if mkdir seen 2>&-; then lose "$*"; fi`,
    options: ["--json", "--ranges", map, "--audit", "100%"],
  });
  assert.equal(code, EXIT.incompleteMap, stderr);
  assertSame(readFileSync(to), source);
  assert.equal(lossesIn(stderr).length, 1, stderr);
  const found = /ERROR \(sync\): 96 blocks \(12\.00 MiB\) of .*, the first at offset 4194304;/;
  assert.match(stderr, found);
});

test("a host that cannot be reached for some seconds", async (t) => {
  const { to, code, stderr } = await losing(t, {
    second: `if mkdir seen 2>&-; then lose "$*"; fi
if mkdir one 2>&- || mkdir two 2>&-; then
  echo "ssh: connect to host port 22: No route to host" >&2
  exit 255
fi
touch back`,
    go: "back",
  });
  assert.equal(code, EXIT.ok, stderr);
  assertSame(readFileSync(to), source);
  const lines = stderr.match(/^WARNING .*$/gm) ?? [];
  const failed = "no connection to host: ssh: connect to host port 22: No route to host";
  assert.match(lines[0] ?? "", /stream 2 of 2 copies its parts again over a new connection \(1 of/);
  assert.deepEqual(lines.slice(1), [
    `WARNING (sync): stream 2 of 2: ${failed}; next attempt in 1 s`,
    `WARNING (sync): stream 2 of 2: ${failed}; next attempt in 5 s`,
  ]);
});
