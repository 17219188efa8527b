// Sources whose size changes while several streams copy them: all copy what the source had when the first one opened it, as a single one does.
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { noise, scratch } from "../support/files/files.ts";
import { script } from "../support/hosts/hosts.ts";
import {
  assertFailed,
  assertSucceeded,
  COMMAND,
  EXIT,
  type Outcome,
  quote,
  run,
} from "../support/programs/cli.ts";
import { assertSynced, changedIn, pair } from "../support/programs/sync-pair.ts";

const MIB = 2 ** 20;

/** The source as the first stream finds it: three parts, the last one with an odd end. */
const SOURCE = noise("growth", 9 * MIB + 77);

/** Copies with a source of another host, and runs `change` on it as `SOURCE` once the stage of the first stream has opened it. */
async function copied(
  t: TestContext,
  {
    destination,
    change,
    options = [],
  }: { destination: Buffer; change: string; options?: readonly string[] },
): Promise<{ outcome: Outcome; to: string; from: string }> {
  const { folder, from, to } = pair(t, { source: SOURCE, destination });
  const rsh = join(folder, "rsh");
  script(
    rsh,
    `shift; cd ${quote([folder])}
if mkdir opened 2>&-; then exec sh -c "$*"; fi
SOURCE=${quote([from])}; mkdir changed 2>&- && { ${change}; }
exec sh -c "$*"`,
  );
  const remote = ["-e", rsh, "--remote-command", quote(COMMAND)];
  const args = ["sync", "--streams", "2", ...options, ...remote, `host:${from}`, to];
  return { outcome: await run(args), from, to };
}

const GROW = `head -c 3000000 /dev/zero | tr '\\0' x >> "$SOURCE"`;

const REPLACE = `tr '\\0-\\377' '\\1-\\377\\0' < "$SOURCE" > new; mv new "$SOURCE"`;

/** Leaves out the warning that a stage gives if it looks for writers at the moment in which the source grows. */
function withoutInUse(outcome: Outcome): Outcome {
  const warning = /^WARNING \(sync\): host: the source \S+ is in use: .*\n/gm;
  return { ...outcome, stderr: outcome.stderr.replace(warning, "") };
}

test("one that has grown by the time at which the second stream opens it", async (t) => {
  for (const [destination, options] of [
    [changedIn(SOURCE, 0, 40, 72), ["--verify", "full"]],
    [SOURCE.subarray(0, 5 * MIB + 1), ["--truncate"]],
    [Buffer.concat([changedIn(SOURCE, 1, 50), Buffer.alloc(MIB)]), ["--truncate"]],
  ] as const) {
    const { outcome, from, to } = await copied(t, { destination, change: GROW, options });
    assertSynced(withoutInUse(outcome), to, SOURCE);
    assert.ok(statSync(from).size > SOURCE.length, "it has not grown");
  }
});

test("one that has become shorter: nothing is wrong, and the copy fails", async (t) => {
  const destination = changedIn(SOURCE, 0, 40, 72);
  const { outcome, to } = await copied(t, { destination, change: `truncate -s 5000000 "$SOURCE"` });
  assertFailed(
    outcome,
    EXIT.io,
    "sync",
    /on host: .* (has 5000000 bytes now, and had 9437261 when|became shorter while it was read)/,
  );
  assert.equal(readFileSync(to).length, destination.length);
});

test("one that is replaced by another file of the same size: the copy fails", async (t) => {
  const destination = changedIn(SOURCE, 0, 40, 72);
  const { outcome } = await copied(t, { destination, change: REPLACE });
  assertFailed(
    outcome,
    EXIT.busy,
    "sync",
    /the source \S+ is another file or device than when the copy began/,
    /find out what has replaced it/,
  );
});

test("a delta of one that grows, and of one that is replaced", async (t) => {
  const destination = changedIn(SOURCE, 0, 40, 72);
  const delta = join(scratch(t), "delta");
  const options = ["--delta", delta];
  const grown = await copied(t, { destination, change: GROW, options });
  assertSucceeded(withoutInUse(grown.outcome));
  const stdin = readFileSync(delta);
  assertSucceeded(await run(["save", "--verify", "full", grown.to], { stdin }));
  assertSame(readFileSync(grown.to), SOURCE);
  const { outcome } = await copied(t, { destination, change: REPLACE, options });
  assertFailed(outcome, EXIT.busy, "sync", /is another file or device than when the copy began/);
  assertSame(readFileSync(delta), stdin, "the delta as it was");
});
