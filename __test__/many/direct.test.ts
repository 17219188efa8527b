// One source and several destinations, with a direct connection (--transport tls) to each that is on another host.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { noise } from "../support/files/files.ts";
import { allGone } from "../support/hosts/host-state.ts";
import { lackingHosts, sync } from "../support/hosts/hosts.ts";
import { EXIT, run } from "../support/programs/cli.ts";
import { cutConnection } from "../support/programs/cut-connection.ts";
import { eventually } from "../support/programs/eventually.ts";
import { lastOf, many, manyEvents, oddHost } from "../support/programs/many.ts";
import { complete, sending, startMany } from "../support/programs/many-running.ts";
import { changedIn, SOURCE } from "../support/programs/sync-pair.ts";
import { lackingRoot } from "../support/programs/tools.ts";

const TLS = ["--transport", "tls"];

for (const [listener, options] of [
  ["destination", ["--verify", "full"]],
  ["source", ["--ports", "41010-41017", "-z"]],
] as const)
  test(`two destinations by direct connections, and one on this host; the ${listener} listens`, async (t) => {
    const { folder, from, to } = many(t, [[0], [1, 17], [2]]);
    const [one = "", two = "", here = ""] = to;
    const there = ["--listen", listener, "--bind", "127.0.0.1", ...oddHost(folder, '"$@"')];
    const named = [`one:${one}`, here, `two:${two}`];
    const outcome = await run(["sync", "-v", ...TLS, ...options, ...there, from, ...named]);
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    for (const path of to) assertSame(readFileSync(path), SOURCE, path);
    const direct =
      /^blockcopy sync: (\S+): direct connection with 127\.0\.0\.1 port \d+, TLS 1\.3$/gm;
    const names = Array.from(outcome.stderr.matchAll(direct), ([, name = ""]) => name);
    assert.deepEqual(names.toSorted(), [`one:${one}`, `two:${two}`], outcome.stderr);
  });

/** The ends of copies to four destinations: one has no address that can be reached, and one an older version. */
const BLOCKED = [
  { transport: "tls", codes: [0, EXIT.busy, EXIT.usage, 0] },
  { transport: "auto", codes: [0, 0, 0, 0] },
];

for (const { transport, codes } of BLOCKED)
  test(`a host that cannot be connected to, and an older version: --transport ${transport}`, async (t) => {
    const { folder, from, to } = many(t, [[0], [1], [2], [3]]);
    const older = 'exec sh -c "$(printf %s "$3" | sed s/--tunnel/--tunnel-of-the-future/)"';
    const [reached = "", blocked = "", old = "", here = ""] = to;
    // Nothing connects to an address for many hosts.
    const named = [`127.0.0.1:${reached}`, `224.0.0.1:${blocked}`, `odd:${old}`, here];
    const options = ["--json", "--transport", transport, ...oddHost(folder, older)];
    const outcome = await run(["sync", ...options, from, ...named]);
    const events = manyEvents(outcome.stdout);
    const found = codes.map((_, place) => {
      const last = lastOf(events, place + 1);
      return last.event === "error" ? last.code : 0;
    });
    assert.deepEqual(found, codes, outcome.stderr);
    assert.equal(outcome.code, codes.find((code) => code !== 0) ?? 0, outcome.stderr);
    to.forEach((path, place) =>
      assertSame(readFileSync(path), codes[place] === 0 ? SOURCE : changedIn(SOURCE, place), path),
    );
    const warnings = outcome.stderr.match(/^WARNING .*$/gm) ?? [];
    const reason = "no direct connection, so the copy goes over ssh";
    const expected =
      transport === "tls"
        ? []
        : [
            RegExp(
              `^WARNING \\(sync\\): 224\\.0\\.0\\.1:${blocked}: ${reason}: this host: no connection to 224`,
            ),
            RegExp(`^WARNING \\(sync\\): odd:${old}: ${reason}: odd: .*--tunnel-of-the-future`),
          ];
    assert.equal(warnings.length, expected.length, outcome.stderr);
    warnings.toSorted().forEach((line, place) => assert.match(line, expected[place] ?? /^$/));
  });

/** The direct connections and their threads that a process has. */
function connectionsOf(pid: number): { sockets: number; threads: number } {
  const sockets = readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  });
  const threads = readdirSync(`/proc/${pid}/task`).filter((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/comm`, "utf8").startsWith("blockcopy-tunne"),
  );
  return { sockets: sockets.length, threads: threads.length };
}

test("a connection that is cut in the middle", { skip: lackingRoot("python3") }, async (t) => {
  const source = noise("large", 8 * 2 ** 20);
  const { folder, from, to } = many(t, [[0], [], []], source);
  const [first = "", cut = "", slow = ""] = to;
  for (const path of [cut, slow]) writeFileSync(path, Buffer.alloc(source.length));
  const odd = oddHost(folder, 'echo $$ > "$FOLDER/pid"; exec "$@"');
  const options = [...TLS, "--bind", "127.0.0.1", "--bwlimit", "1M", ...odd];
  const named = [`one:${first}`, `odd:${cut}`, `two:${slow}`];
  const started = startMany(t, [...options, from, ...named]);
  const { pid, ended, stderr } = started.running;
  await complete(started, 1);
  await sending(started, [2, 3]);
  const before = connectionsOf(pid);
  cutConnection(Number(readFileSync(join(folder, "pid"), "utf8")));
  const hasFailed = (): boolean =>
    started.events().some(({ event, id }) => event === "error" && id === 2);
  await eventually(hasFailed, { what: "failed", detail: stderr });
  const released = { sockets: before.sockets - 1, threads: before.threads - 1 };
  assert.equal(before.threads, 2);
  // Its standard error is a socket, too.
  await eventually(() => connectionsOf(pid).threads === released.threads, { what: "ended" });
  assert.ok(connectionsOf(pid).sockets <= released.sockets);
  assert.equal((await ended).code, EXIT.cut, stderr());
  assert.match(
    stderr(),
    /^ERROR \(sync\): odd:\S+: (?:on odd: )?the direct connection with 127\.0\.0\.1 port \d+ was cut off before its end; run it again/m,
  );
  assert.match(stderr(), /1 of 3 destinations failed: odd:\S+ \(75\);/);
  for (const path of [first, slow]) assertSame(readFileSync(path), source, path);
});

test("hosts by their addresses, as sshd has seen them", { skip: lackingHosts }, async (t) => {
  const { from, to } = many(t, [[0], [1], [2], [3]]);
  const [one, two, again, here = ""] = to;
  const named = [`one:${one}`, `two:${two}`, here, `one:${again}`];
  for (const options of [["--dry-run"], ["--listen", "source"]]) {
    const outcome = await sync([...TLS, "--json", ...options, from, ...named]);
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    assert.equal(lastOf(manyEvents(outcome.stdout)).read, SOURCE.length, "the source is read once");
  }
  for (const path of to) assertSame(readFileSync(path), SOURCE, path);
  await allGone(5);
});
