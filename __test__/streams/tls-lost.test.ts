// Copies over two direct connections that lose one of them, while both connections of ssh stay.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Endpoint } from "../../src/sync/connection/endpoint.ts";
import { LostConnections, mayBeLost } from "../../src/sync/failures/lost-connection.ts";
import { Side } from "../../src/sync/side.ts";
import { assertSame } from "../support/files/bytes.ts";
import { noise } from "../support/files/files.ts";
import { script } from "../support/hosts/hosts.ts";
import { COMMAND, EXIT, quote } from "../support/programs/cli.ts";
import { cutConnection } from "../support/programs/cut-connection.ts";
import { eventually } from "../support/programs/eventually.ts";
import { start } from "../support/programs/pipe.ts";
import { pair } from "../support/programs/sync-pair.ts";
import { lackingRoot } from "../support/programs/tools.ts";

const skip = lackingRoot("python3");
const MIB = 2 ** 20;

/** Four parts. */
const source = noise("direct", 16 * MIB);

describe("a direct connection that is cut", { concurrency: true }, () => {
  for (const stream of [1, 2])
    test(`that of stream ${stream}`, { skip }, async (t) => {
      const { folder, from, to } = pair(t, { source, destination: noise("old", source.length) });
      const rsh = join(folder, "rsh");
      script(
        rsh,
        `shift; cd ${quote([folder])}
case $* in *--part=${stream}/2*) mkdir seen 2>&- && exec sh -c "echo \\$\\$ > pid; exec $*";; esac
exec sh -c "$*"`,
      );
      const remote = ["-e", rsh, "--remote-command", quote(COMMAND), "--compress", "none"];
      const direct = ["--transport", "tls", "--bind", "127.0.0.1", "--bwlimit", "4M"];
      const args = ["sync", "--streams", "2", "-v", "--verify", "full", ...direct, ...remote];
      const sync = start(t, [...args, from, `host:${to}`], {});
      const took = (number: number): number =>
        sync.stderr().match(RegExp(`stream ${number} takes the part`, "g"))?.length ?? 0;
      const areBusy = (): boolean => took(1) > 0 && took(2) > 0;
      await eventually(areBusy, { what: "took parts", detail: sync.stderr });
      cutConnection(Number(readFileSync(join(folder, "pid"), "utf8")));
      const { code } = await sync.ended;
      assert.equal(code, EXIT.ok, sync.stderr());
      assertSame(readFileSync(to), source);
      const [line = "", ...more] = sync.stderr().match(/^WARNING .*$/gm) ?? [];
      assert.deepEqual(more, []);
      const words = RegExp(
        `^WARNING \\(sync\\): .*direct connection with 127\\.0\\.0\\.1 port \\d+ was cut off before its end; stream ${stream} of 2 copies its parts again over a new connection \\(1 of at most 3\\)$`,
      );
      assert.match(line, words);
      assert.match(sync.stderr(), /^ {2}16\.00 MiB read /m);
    });
});

test("a new one that is cut before its stage begins", () => {
  const end = { kind: "remote", host: "host", path: "/x" } as Endpoint;
  const lost = new LostConnections(() => undefined);
  const cut = '{"event":"error","message":"cut","advice":"","code":75,"tunnelLost":true}';
  const status = { code: EXIT.cut };
  const first = new Side(end, "destination");
  ['{"event":"begin","total":null,"process":"7/8"}', cut].forEach((line) => first.take(line));
  const stream = { number: 2, count: 2, isJoinable: true };
  assert.ok(lost.mayReplace({ ...stream, ends: [{ side: first, status }] }));
  const side = new Side(end, "destination", { before: first });
  side.take(cut);
  assert.ok(mayBeLost(side, status));
  assert.ok(lost.mayReplace({ ...stream, ends: [{ side, status }] }));
  assert.equal(lost.causeOf({ side, status }).side, first);
});
