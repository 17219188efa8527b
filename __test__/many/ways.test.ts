// One source and several destinations, by the ways in which operators reach them.
import assert from "node:assert/strict";
import { chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { lackingLoop } from "../support/files/loop.ts";
import { mountCloning } from "../support/files/mount.ts";
import { bare } from "../support/hosts/bare-host.ts";
import { ACCOUNT, keyedHost, lackingForcedCommand } from "../support/hosts/forced-command.ts";
import { hosts, lackingHosts, logins, script, sync } from "../support/hosts/hosts.ts";
import { EXIT, type Outcome, quote, run } from "../support/programs/cli.ts";
import { lastOf, many, manyEvents } from "../support/programs/many.ts";
import { nbdkit, qemuNbd } from "../support/programs/nbd.ts";
import { changedIn, SOURCE } from "../support/programs/sync-pair.ts";
import { lacking } from "../support/programs/tools.ts";

/** A run, and what it must lead to. */
interface Way {
  outcome: Outcome;
  /** The exit code for each destination. */
  codes: readonly number[];
  /** The files that must be equal to the source. */
  equal: readonly string[];
  expected?: Buffer;
  /** Lines of standard error. */
  says?: readonly RegExp[];
}

const BLOCKS = [[0], [1, 17], [2], [3, 39]];

const WAYS: readonly [what: string, skip: string | false, go: (t: TestContext) => Promise<Way>][] =
  [
    [
      "hosts without blockcopy, one of them twice, and one that cannot be reached",
      lackingHosts,
      async (t) => {
        const { from, to } = many(t, BLOCKS);
        const [one, again, two, here] = to;
        const { rsh, packages } = bare(t);
        const before = logins("one") + logins("two");
        const named = [`one:${one}`, `one:${again}`, `two:${two}`, here ?? "", "10.99.99.99:/x"];
        const outcome = await sync(["--json", "-e", rsh, from, ...named]);
        assert.deepEqual([packages("one").length, packages("two").length], [1, 1]);
        // Twice for each of three destinations, and once for each of two hosts to send it.
        assert.equal(logins("one") + logins("two") - before, 2 * 3 + 2);
        const unreachable =
          /^ERROR \(sync\): 10\.99\.99\.99:\/x: no connection to .*make sure that/m;
        return { outcome, codes: [0, 0, 0, 0, EXIT.busy], equal: to, says: [unreachable] };
      },
    ],
    [
      "a user without rights, by sudo",
      lackingHosts,
      async (t) => {
        const { folder, from, to } = many(t, BLOCKS);
        const log = join(folder, "log");
        script(join(folder, "sudo"), `echo "sudo $1" >> ${quote([log])}; shift; exec "$@"`);
        const rsh = join(folder, "ssh");
        script(
          rsh,
          `[ "$*" = -V ] && exec /usr/bin/ssh -V
left=$#
while [ $left -gt 1 ]; do set -- "$@" "$1"; shift; left=$((left - 1)); done
last=$1; shift
exec /usr/bin/ssh -F ${quote([hosts().config])} "$@" "PATH=${folder}:\\$PATH $last"`,
        );
        const [one, two, here] = to;
        const named = [`one:${one}`, `two:${two}`, here ?? ""];
        const outcome = await sync(["--json", "--sudo", "-e", rsh, from, ...named]);
        assert.equal(
          readFileSync(log, "utf8"),
          "sudo -n\nsudo -n\n",
          "not for the destination here",
        );
        return { outcome, codes: [0, 0, 0], equal: to.slice(0, 3) };
      },
    ],
    [
      "a key that can only copy to one folder",
      lackingForcedCommand,
      async (t) => {
        const { from, to } = many(t, BLOCKS);
        const host = keyedHost(t, "--allow-write '/tmp/*/in/*'");
        const folder = join(host.folder, "in");
        mkdirSync(folder);
        const [one, two] = [join(folder, "one"), join(folder, "two")];
        for (const path of [one, two]) writeFileSync(path, changedIn(SOURCE, 7));
        for (const path of [folder, one, two]) chownSync(path, ACCOUNT.id, ACCOUNT.id);
        const [here = ""] = to;
        const named = [`host:${one}`, "host:/etc/shadow", here, `host:${two}`];
        const outcome = await host.sync(["--json", "--verify", "full", from, ...named]);
        const says = [/^ERROR \(sync\): host:\/etc\/shadow: .*this key does not allow writing/m];
        return { outcome, codes: [0, EXIT.permission, 0, 0], equal: [one, two, here], says };
      },
    ],
    [
      "a clone of the source that is made between two commands",
      lackingLoop || lacking("mkfs.xfs"),
      async (t) => {
        const { folder, to } = many(t, BLOCKS);
        const point = mountCloning(t, folder, { type: "xfs", size: 320 * 2 ** 20 });
        const from = join(point, "disk");
        writeFileSync(from, SOURCE);
        const write = (byte: string): string =>
          `printf ${byte} | dd of="$BLOCKCOPY_SOURCE" conv=notrunc status=none`;
        const words = ["--snapshot", "auto", "--before", write("b"), "--after", write("a")];
        const missing = join(folder, "missing");
        const outcome = await run(["sync", "--json", ...words, from, ...to, missing]);
        assert.equal(readFileSync(from, "latin1").slice(0, 1), "a");
        assert.deepEqual(readdirSync(point), ["disk"]);
        const expected = Buffer.from(SOURCE);
        expected.write("b");
        return { outcome, codes: [0, 0, 0, 0, EXIT.missing], equal: to, expected };
      },
    ],
    [
      "exports of NBD servers",
      lacking("nbdkit", "qemu-nbd"),
      async (t) => {
        const { from, to } = many(t, BLOCKS);
        const [served = "", first = "", second = "", third = ""] = to;
        writeFileSync(served, SOURCE);
        const source = await nbdkit(t, "file", served);
        const [one, two] = [await nbdkit(t, "file", first), await qemuNbd(t, second, 4)];
        const options = ["--json", "--allow-larger"];
        const outcome = await run(["sync", ...options, source, one, third, two, `${one}-none`]);
        return { outcome, codes: [0, 0, 0, EXIT.busy], equal: [from, first, second, third] };
      },
    ],
  ];

for (const [what, skip, go] of WAYS)
  test(what, { skip }, async (t) => {
    const { outcome, codes, equal, expected = SOURCE, says = [] } = await go(t);
    const events = manyEvents(outcome.stdout);
    const found = codes.map((_, place) => {
      const last = lastOf(events, place + 1);
      return last.event === "error" ? last.code : 0;
    });
    assert.deepEqual(found, codes, outcome.stderr);
    assert.equal(outcome.code, codes.find((code) => code !== 0) ?? 0, outcome.stderr);
    for (const path of equal) assertSame(readFileSync(path), expected, path);
    for (const pattern of says) assert.match(outcome.stderr, pattern);
    assert.equal(lastOf(events).read, SOURCE.length, "the source is read once");
  });
