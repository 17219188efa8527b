// Copies over two connections. One falls silent: a stage is stopped, and nothing ends its connection.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { defer } from "../support/cleanup.ts";
import { assertSame } from "../support/files/bytes.ts";
import { noise } from "../support/files/files.ts";
import { commandOf, script } from "../support/hosts/hosts.ts";
import { assertFailed, COMMAND, EXIT, killGroup, quote } from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { start } from "../support/programs/pipe.ts";
import { pair } from "../support/programs/sync-pair.ts";
import { lacking, lackingPidfd } from "../support/programs/tools.ts";

/** The first stream is replaced only with the rights of a tracer. */
const skipFor = (silent: readonly number[]): string | false =>
  lacking("setsid") || (silent.includes(1) && lackingPidfd());

const MIB = 2 ** 20;

/** Four parts. */
const source = noise("silent", 16 * MIB);

/** Starts each destination in a session of its own, which no signal for its connection reaches; its first process writes its number to a file. */
const RSH = `case $* in *--part=*) exec 4<&0
stream=1; case $* in *--part=2/2*) stream=2;; esac
if mkdir seen-$stream 2>&-; then
  { dd bs=64K count=4 2>&-; until [ -e gate ]; do sleep 0.1; done; cat; } <&4 | setsid --wait sh -c "echo \\$\\$ > pid-$stream; exec $*"
  exit
fi;;
esac
exec sh -c "$*"`;

describe("a stage that falls silent", { concurrency: true }, () => {
  for (const { silent, message } of [
    { silent: [2], message: undefined },
    { silent: [1], message: undefined },
    { silent: [1, 2], message: /the stage at the destination on host has said nothing for 8 s/ },
  ])
    test(`of stream ${silent.join(" and ")}`, { skip: skipFor(silent) }, async (t) => {
      const { folder, from, to } = pair(t, { source, destination: noise("old", source.length) });
      script(join(folder, "rsh"), `shift; cd ${quote([folder])}\n${RSH}`);
      const remote = ["-e", join(folder, "rsh"), "--remote-command", quote(COMMAND)];
      const args = ["--streams", "2", "-v", "--timeout", "8", "--compress", "none", ...remote];
      const sync = start(t, ["sync", ...args, from, `host:${to}`], {});
      const took = (stream: number): number =>
        sync.stderr().match(RegExp(`stream ${stream} takes the part`, "g"))?.length ?? 0;
      const areBusy = (): boolean => took(1) > 0 && took(2) > 0;
      await eventually(areBusy, { what: "took parts", detail: sync.stderr });
      const stages = silent.map((stream) => Number(readFileSync(join(folder, `pid-${stream}`))));
      for (const stage of stages) {
        defer(t, () => killGroup(stage));
        process.kill(stage, "SIGSTOP");
      }
      if (message !== undefined) {
        const { code } = await sync.ended;
        assertFailed({ code, stderr: sync.stderr() }, EXIT.cut, "sync", message);
        return;
      }
      const [stream = 0, stage = 0] = [silent[0], stages[0]];
      const before = took(stream);
      const isReplaced = (): boolean => took(stream) > before;
      await eventually(isReplaced, { what: "took them again", detail: sync.stderr });
      assert.equal(commandOf(String(stage)), "", "the silent stage still runs");
      writeFileSync(join(folder, "gate"), "");
      const { code } = await sync.ended;
      assert.equal(code, EXIT.ok, sync.stderr());
      assertSame(readFileSync(to), source);
      const [line, ...more] = sync.stderr().match(/^WARNING .*$/gm) ?? [];
      assert.deepEqual(more, []);
      assert.equal(
        line,
        `WARNING (sync): the stage at the destination on host has said nothing for 8 seconds; stream ${stream} of 2 copies its parts again over a new connection (1 of at most 3)`,
      );
    });
});
