// Copies between hosts over direct connections (--transport tls): each direction, each end that listens, and everything that is in the way.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { defer } from "../support/cleanup.ts";
import { noise } from "../support/files/files.ts";
import { allGone, joinFar, processesOn, shape } from "../support/hosts/host-state.ts";
import {
  addressOf,
  environmentHere,
  type Far,
  hosts,
  lackingHosts,
  namespace,
  prefixHere,
  prefixOn,
  script,
  sync,
} from "../support/hosts/hosts.ts";
import {
  assertFailed,
  COMMAND,
  environment,
  EXIT,
  withoutSummary,
} from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { assertSynced, changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { system } from "../support/programs/tools.ts";

const skip = lackingHosts;
const TLS = ["--transport", "tls"];
const { far6, here: near } = addressOf("one");

/** Changes the network of a host. */
function ip(host: "here" | Far, ...words: string[]): void {
  hosts();
  system("ip", "-n", namespace(host), ...words);
}

/** The ports on a host that something listens on, without those of sshd. */
function listening(host: "here" | Far): string[] {
  const [program, ...words] = prefixOn(host);
  return system(program, ...words, "ss", "-Hltn")
    .split("\n")
    .flatMap((line) => line.trim().split(/\s+/)[3] ?? [])
    .filter((place) => !/:(?:22|2222)$/.test(place));
}

test("hosts that cannot reach each other", { skip }, async (t) => {
  const { from, to } = pair(t);
  const args = [`one:${from}`, `two:${to}`];
  const outcome = await sync([...TLS, ...args]);
  const tried = new RegExp(`on one: no connection to ${addressOf("two").far} port \\d+: Network`);
  assertFailed(outcome, EXIT.busy, "sync", tried, /; let TCP connections .*--ports/);
  assertSame(readFileSync(to), changedIn(SOURCE, 0, 17, 30), "the destination");
  await allGone(5);

  const fallen = await sync(["--transport", "auto", ...args]);
  assert.equal(fallen.code, EXIT.ok, fallen.stderr);
  assertSame(readFileSync(to), SOURCE, "the destination");
  const [line, ...others] = withoutSummary(fallen.stderr).trimEnd().split("\n");
  assert.match(
    line ?? "",
    /^WARNING \(sync\): no direct connection, so the copy goes over ssh: one: /,
  );
  assert.deepEqual(others, []);
});

test("an older version on the other host", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const older = join(folder, "older");
  script(
    older,
    'exec bash -c \'exec blockcopy "${@/#--tunnel/--tunnel-of-the-future}"\' bash "$@"',
  );
  const args = ["--remote-command", older, from, `one:${to}`];
  const unknown = /on one: unknown option.* --tunnel-of-the-future/;
  assertFailed(await sync([...TLS, ...args]), EXIT.usage, "sync", unknown);
  const { code, stderr } = await sync(["--transport", "auto", ...args]);
  assert.equal(code, EXIT.ok, stderr);
  assert.match(stderr, /^WARNING \(sync\): no direct connection, so the copy goes over ssh: one: /);
  assertSame(readFileSync(to), SOURCE, "the destination");
});

const DIRECTIONS: [what: string, a: string, b: string, options: string[]][] = [
  ["from here to there", "", "one:", ["--streams", "3", "--verify", "written"]],
  ["from there to here, over IPv6", `[${far6}]:`, "", ["--verify", "full", "-z"]],
  ["between two others", "one:", "two:", ["--streams", "2"]],
  ["within another host", "one:", "one:", ["--digest", "sha3-512"]],
  ["only counted", "", "one:", ["--dry-run", "--transport", "auto"]],
  ["the destination on this host listens", "one:", "", ["--listen", "destination"]],
  [
    "the source on this host listens",
    "",
    "one:",
    ["--listen", "source", "--ports", "40000-40003", "--bind", near],
  ],
];
for (const [what, a, b, options] of DIRECTIONS)
  test(what, { skip }, async (t) => {
    joinFar();
    const { from, to } = pair(t);
    const before = readFileSync(to);
    const outcome = await sync([...TLS, ...options, `${a}${from}`, `${b}${to}`]);
    if (options.includes("--dry-run")) {
      assert.equal(outcome.code, EXIT.ok, outcome.stderr);
      assertSame(readFileSync(to), before, "the destination");
    } else assertSynced(outcome, to);
  });

/** Runs a program on a host until the test ends; waits for its first output. */
async function runOn(
  t: TestContext,
  host: "here" | Far,
  command: readonly string[],
  input = "",
): Promise<{ output: () => Buffer }> {
  const [program, ...words] = [...prefixOn(host), ...command] as const;
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "pipe"] });
  killAtEnd(t, child);
  child.stdin.write(input);
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const output = (): Buffer => Buffer.concat(chunks);
  await eventually(() => chunks.length > 0, { what: `said anything: ${command.join(" ")}` });
  return { output };
}

test("a host whose ports for IPv6 take no IPv4", { skip }, async (t) => {
  const set = (value: string): string => {
    const [program, ...words] = prefixOn("one");
    return system(program, ...words, "sysctl", "-w", `net.ipv6.bindv6only=${value}`);
  };
  set("1");
  defer(t, () => set("0"));
  const { from, to } = pair(t);
  assertSynced(await sync([...TLS, from, `one:${to}`]), to);
});

test("a port that is taken", { skip }, async (t) => {
  const { from, to } = pair(t);
  const source = `require("node:net").createServer().listen(41000, () => console.log("ready"))`;
  await runOn(t, "one", [process.execPath, "-e", source]);
  const outcome = await sync([...TLS, "--ports", "41000", from, `one:${to}`]);
  const reason = /on one: cannot listen on all addresses port 41000: Address already in use/;
  assertFailed(outcome, EXIT.busy, "sync", reason, /; give .* --bind, or a free range to --ports/);
});

test("an address that the host does not have", { skip }, async (t) => {
  const { from, to } = pair(t);
  const args = ["--bind", "10.77.9.7", from, `one:${to}`];
  const reason = /on one: cannot listen on 10\.77\.9\.7: Cannot assign requested address/;
  const outcome = await sync([...TLS, ...args]);
  assertFailed(outcome, EXIT.busy, "sync", reason, /; give an address of that host to --bind/);
  const fallen = await sync(["--transport", "auto", ...args]);
  assert.match(fallen.stderr, /^WARNING \(sync\): no direct connection, .*: one: cannot listen/);
  assert.equal(fallen.code, EXIT.ok, fallen.stderr);
  assertSame(readFileSync(to), SOURCE, "the destination");
});

test("another process that answers, with a key of its own", { skip }, async (t) => {
  const { from, to } = pair(t);
  // Both hosts have the address, so that what is meant for the one goes to the other.
  const address = "10.77.9.9";
  for (const host of ["here", "one"] as const)
    ip(host, "addr", "replace", `${address}/32`, "dev", "lo");
  const port = 42_000;
  const listen = { from: port, to: port, bind: address };
  const key = `302a300506032b6570032100${"5a".repeat(32)}`;
  const { output } = await runOn(
    t,
    "here",
    [...COMMAND, "receive", "--tunnel", `${to}.other`],
    `${JSON.stringify({ key, epilogue: 0, listen })}\n`,
  );
  await eventually(() => listening("here").length > 0, { what: "listened", everyMs: 100 });
  const args = [...TLS, "--bind", address, "--ports", String(port), from, `one:${to}`];
  const outcome = await sync(args);
  const reason = /10\.77\.9\.9 port 42000: something without the expected key answered/;
  assertFailed(outcome, EXIT.busy, "sync", reason);
  assertSame(readFileSync(to), changedIn(SOURCE, 0, 17, 30), "the destination");
  // The port is not open for longer than ten seconds, and what came to it went nowhere.
  await eventually(() => /"no-tunnel"|within 10 seconds/.test(output().toString()), {
    what: "given up",
    detail: () => output().toString(),
  });
  await eventually(() => listening("here").length === 0, { what: "closed its port" });
  assert.equal(existsSync(`${to}.other`), false);
});

/** Prints all packets on a device of a host. */
const CAPTURE = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
s.bind((sys.argv[1], 0))
sys.stdout.buffer.write(b"ready"); sys.stdout.flush()
while True:
    sys.stdout.buffer.write(s.recv(1 << 17)); sys.stdout.flush()
`;

test("nothing that can be read goes over the network", { skip }, async (t) => {
  const marker = "this must not be seen on the way";
  const source = Buffer.from(`${marker}${noise("salt", 21).toString("base64")}`.repeat(30_000));
  const { from, to } = pair(t, { source, destination: Buffer.alloc(source.length) });
  const { output } = await runOn(t, "here", ["python3", "-c", CAPTURE, "one"]);
  assertSynced(await sync([...TLS, "--compress", "none", from, `one:${to}`]), to, source);
  await eventually(() => output().length > source.length, { what: "captured it" });
  assert.equal(output().indexOf(marker), -1);
});

/** Starts a copy from here to `one`; it is killed when the test ends. */
function launch(t: TestContext, args: readonly string[]): number {
  const [program = "", ...words] = [...prefixHere(), ...COMMAND, "sync", ...TLS, ...args];
  const env = environment(environmentHere());
  const child = spawn(program, words, { stdio: "ignore", detached: true, env });
  killAtEnd(t, child);
  return child.pid ?? 0;
}

/** The command line of the stage at the destination. */
const RECEIVE = /node .* receive /;

async function assertNothingLeft(): Promise<void> {
  await allGone(15);
  assert.deepEqual([listening("here"), listening("one")], [[], []]);
}

for (const victim of ["sync", "receive"])
  test(`${victim} is killed`, { skip }, async (t) => {
    shape(t, "one", "50mbit");
    const source = noise("long", 24 * 2 ** 20);
    const { from, to } = pair(t, { source, destination: Buffer.alloc(source.length) });
    const pid = launch(t, ["--compress", "none", from, `one:${to}`]);
    const before = statSync(to).mtimeMs;
    const begun = (): boolean => statSync(to).mtimeMs !== before;
    await eventually(begun, { what: "wrote" });
    // The port is open for its peer alone.
    assert.deepEqual([listening("here"), listening("one")], [[], []]);
    const stage = processesOn("one").find(({ command }) => RECEIVE.test(command));
    process.kill(victim === "sync" ? pid : (stage?.pid ?? assert.fail(victim)), "SIGKILL");
    await assertNothingLeft();
    assert.ok(!readFileSync(to).equals(source), "it has been copied already");
  });

for (const victim of ["sync", "ssh", "receive"])
  test(`${victim} is killed while one end listens`, { skip }, async (t) => {
    const { from, to } = pair(t);
    // An address that never answers: no host on the link to `two` has it.
    const address = "10.77.9.8";
    ip("one", "addr", "replace", `${address}/32`, "dev", "lo");
    ip("here", "route", "replace", `${address}/32`, "dev", "two");
    const pid = launch(t, ["--bind", address, from, `one:${to}`]);
    await eventually(() => listening("one").length > 0, { what: "listened", everyMs: 100 });
    const [host, program] =
      victim === "ssh" ? (["here", /^\S*ssh .*receive/] as const) : (["one", RECEIVE] as const);
    const other = processesOn(host).find(({ command }) => program.test(command));
    process.kill(victim === "sync" ? pid : (other?.pid ?? assert.fail(victim)), "SIGKILL");
    await assertNothingLeft();
  });

test("ranges, whose list comes before the connection", { skip }, async (t) => {
  joinFar();
  for (const [a, b, options] of [
    ["", "one:", ["--streams", "2", "--bwlimit", "100M"]],
    ["one:", "two:", ["--audit", "100%"]],
  ] as const) {
    const { folder, from, to } = pair(t);
    const map = join(folder, "map");
    // Each a range of its own: 2.2 MB on their way, more than a pipe holds.
    const lines = Array.from({ length: 140_000 }, (_, index) => `${index * 20} 1`);
    writeFileSync(map, lines.join("\n"));
    const args = [...TLS, ...options, "--ranges", map, `${a}${from}`, `${b}${to}`];
    const outcome = await sync(args);
    const audits = options[0] === "--audit";
    assert.equal(outcome.code, audits ? EXIT.incompleteMap : EXIT.ok, outcome.stderr);
    assertSame(readFileSync(to), audits ? SOURCE : changedIn(SOURCE, 30), "the destination");
    await allGone(5);
  }
});
