// The end of the first of two streams, which the second one finds when it opens the list of parts.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { COMMAND, EXIT, lastLine, quote } from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { script } from "../support/hosts/hosts.ts";
import { type Running, start } from "../support/programs/pipe.ts";
import { pair } from "../support/programs/sync-pair.ts";

/**
 * A copy with two streams between files of a host. The stage at the destination of the second one starts when that of the first one has ended.
 * The connections to the source are lost before the stages there can say why they end.
 */
interface Copy {
  sync: Running;
  /** The process of the stage at the destination of the first stream, which has begun. No signal of `sync` reaches it. */
  first: number;
}

async function begin(t: TestContext): Promise<Copy> {
  const { folder, from, to } = pair(t);
  const [rsh, pid, begun] = ["rsh", "pid", "begun"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  script(
    rsh,
    `shift
case $* in
*retrieve*) { sh -c "$*" 2>&1 >&3 | grep --line-buffered -v '"event":"error"' >&2; } 3>&1
exit 255;;
*--part=1/2*) trap "" TERM
cd ${quote([folder])}
exec 4<&0
{ setsid sh -c "echo \\$\\$ > pid; exec $*" 2>&1 >&3 <&4 | while IFS= read -r line; do
  case $line in *'"event":"error"'*) continue;; *'"event":"begin"'*) : > begun;; esac
  printf '%s\\n' "$line" >&2
done; } 3>&1
: > gone
exit 255;;
*--part=2/2*) trap "" TERM; until [ -e ${quote([join(folder, "gone")])} ]; do sleep 0.1; done;;
esac
exec sh -c "$*"`,
  );
  const remote = ["-e", rsh, "--remote-command", quote(COMMAND), "--compress", "none"];
  const sync = start(t, ["sync", "--streams", "2", ...remote, `host:${from}`, `host:${to}`], {});
  await eventually(() => existsSync(begun), { what: "the first stream has begun" });
  return { sync, first: Number(readFileSync(pid, "utf8")) };
}

test("a stage that is killed is the cause, and not a stream that misses it", async (t) => {
  const { sync, first } = await begin(t);
  process.kill(first, "SIGKILL");
  assert.deepEqual(await sync.ended, { code: EXIT.cut, signal: null }, sync.stderr());
  assert.match(lastLine(sync.stderr()), /the connection to host was lost, or the stage there was/);
});

test("a copy that is cancelled has been cancelled", async (t) => {
  const { sync } = await begin(t);
  sync.child.kill("SIGTERM");
  assert.deepEqual(await sync.ended, { code: 143, signal: null }, sync.stderr());
  assert.doesNotMatch(sync.stderr(), /list of the parts/);
});
