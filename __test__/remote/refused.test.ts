// Copies between hosts that do not come about: no host, no key, no program there; and ends that are refused there.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, assertSucceeded, EXIT } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { hosts, lackingHosts, script, sync } from "../support/hosts/hosts.ts";
import { allGone } from "../support/hosts/host-state.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountedLoop, mountTmpfs } from "../support/files/mount.ts";
import { hasOpened, makePipe, start } from "../support/programs/pipe.ts";
import { pair, SOURCE } from "../support/programs/sync-pair.ts";
import { lacking, system } from "../support/programs/tools.ts";
import { DONE } from "../support/wire/frames.ts";

const skip = lackingHosts;

const connections: [
  what: string,
  host: string,
  rsh: () => string[],
  cause: RegExp,
  remedy: RegExp,
][] = [
  [
    "an unknown host",
    "nowhere.invalid",
    () => [],
    /no connection to nowhere\.invalid: .*resolve/,
    /; check the name of the host \(`getent hosts`\)/,
  ],
  [
    "a host without an ssh server",
    "ssh://one:2",
    () => [],
    /no connection to one: .*refused/,
    /; make sure that sshd runs there, and check its port: ssh:\/\/HOST:PORT\/PATH/,
  ],
  [
    "a key that is refused",
    "one",
    () => [
      "-e",
      `ssh -i ${join(hosts().folder, "host")} -o IdentityAgent=none -F /dev/null -o UserKnownHostsFile=${join(hosts().folder, "known")} -o Hostname=10.77.1.2 -o BatchMode=yes`,
    ],
    /no connection to one: .*Permission denied/,
    /; make sure that `ssh -i .* one true` needs no password: the key must be in authorized_keys there/,
  ],
  [
    "a host that is another",
    "one",
    () => ["-e", "ssh -o UserKnownHostsFile=/dev/null"],
    /no connection to one: .*Host key verification failed/,
    /`ssh -o BatchMode=no -o StrictHostKeyChecking=ask -o \S+ one true` shows .*only then accept/,
  ],
];
for (const [what, host, rsh, cause, remedy] of connections) {
  test(what, { skip }, async (t) => {
    const { from, to } = pair(t);
    const before = readFileSync(to);
    const name = host.includes("//") ? host : `${host}:`;
    const everyPlace = [
      [from, `${name}${to}`],
      [`${name}${from}`, to],
      [`two:${from}`, `${name}${to}`],
    ];
    // The place makes no difference to the words, so one kind of failure tries them all.
    for (const ends of host.endsWith(".invalid") ? everyPlace : everyPlace.slice(0, 1)) {
      const outcome = await sync([...rsh(), ...ends]);
      assertFailed(outcome, EXIT.busy, "sync", cause, remedy);
    }
    assertSame(readFileSync(to), before);
    await allGone(3);
  });
}

test("a host that looks like an option of ssh", { skip }, async (t) => {
  const { folder, from } = pair(t);
  const outcome = await sync([from, "-oProxyCommand=touch harm:/disk"], { cwd: folder });
  assert.equal(outcome.code, EXIT.usage);
  const after = await sync(["--", from, "-oProxyCommand=touch harm:/disk"], { cwd: folder });
  assertFailed(after, EXIT.usage, "sync", /names no host/);
  assert.ok(!existsSync(join(folder, "harm")));
});

test("no blockcopy there", { skip }, async (t) => {
  const { from, to } = pair(t);
  const outcome = await sync(["--remote-command", "/nonexistent/blockcopy", `one:${from}`, to]);
  assertFailed(
    outcome,
    EXIT.busy,
    "sync",
    /there is no blockcopy on one \(Node v.*; PATH there: .*:\/bin\): .*(?:not found|No such file)/,
    /--remote-command/,
  );
});

test("a program there that lacks a library, or the memory to load it", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const other = join(folder, "other");
  for (const [why, advice] of [
    ["cannot open shared object file: No such file or directory", /install that library/],
    ["cannot stat shared object: Cannot allocate memory", /free .*memory there/],
  ] as const) {
    const line = `node: error while loading shared libraries: libatomic.so.1: ${why}`;
    script(other, `echo "${line}" >&2; exit 127`);
    const outcome = await sync(["--remote-command", other, from, `one:${to}`]);
    assertFailed(outcome, EXIT.busy, "sync", /cannot be run on one: /, advice);
    assert.ok(outcome.stderr.includes(line));
  }
});

test("something there that is not blockcopy, or talks too much", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const other = join(folder, "other");
  script(other, "echo one >&2; echo two >&2; exit 3");
  const outcome = await sync(["--remote-command", other, from, `one:${to}`]);
  assertFailed(
    outcome,
    EXIT.busy,
    "sync",
    /cannot be run on one: two; /,
    /try `ssh one blockcopy --version`/,
  );
  assert.match(outcome.stderr, /^WARNING \(sync\): one: one$/m);
  // As a file of the shell there that greets everybody.
  script(other, `echo Welcome!; exec blockcopy "$@"`);
  const greeted = await sync(["--remote-command", other, from, `one:${to}`]);
  assertFailed(greeted, EXIT.protocol, "sync");
});

test("sizes that differ: both are named, and nothing is written", { skip }, async (t) => {
  for (const [size, ...places] of [
    [SOURCE.length - 1, "pull"],
    [SOURCE.length + 1, "push"],
  ] as const) {
    const destination = noise("sizes", size);
    const { from, to } = pair(t, { destination });
    for (const place of places) {
      const ends = place === "push" ? [from, `one:${to}`] : [`one:${from}`, to];
      const outcome = await sync(ends);
      assertFailed(
        outcome,
        EXIT.usage,
        "sync",
        new RegExp(`${from} has ${SOURCE.length} bytes`),
        new RegExp(`destination ${size}; `),
      );
      assert.match(
        outcome.stderr,
        size > SOURCE.length ? /--allow-larger.*--truncate/ : /as large as/,
      );
      assertSame(readFileSync(to), destination);
    }
  }
});

test("files that are not there", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const missing = join(folder, "missing");
  for (const [ends, pattern] of [
    [[missing, `one:${to}`], /\(sync\): cannot open .*missing/],
    [[`one:${missing}`, to], /\(sync\): on one: cannot open .*missing/],
    [[`one:${from}`, `two:${missing}`], /\(sync\): on two: cannot open .*missing/],
  ] as const)
    assertFailed(await sync(ends), EXIT.missing, "sync", pattern);
});

test("devices on both sides", { skip: skip || lackingLoop }, async (t) => {
  const folder = scratch(t);
  const source = noise("device", 40 * BLOCK + 1536);
  const from = loopWith(t, folder, source, { readOnly: true });
  const to = loopWith(t, folder, noise("other", source.length));
  for (const [a, b] of [
    ["one:", ""],
    ["", "two:"],
  ]) {
    system("dd", "if=/dev/zero", `of=${to.path}`, "bs=128K", "count=1", "conv=fsync");
    assertSucceeded(await sync([`${a}${from.path}`, `${b}${to.path}`]));
    assertSame(deviceContent(to), source);
  }
});

test(
  "a destination that is mounted there, and --force",
  { skip: skip || lackingLoop || lacking("mkfs.ext4") },
  async (t) => {
    const folder = scratch(t);
    const { backing, loop, point } = mountedLoop(t, folder);
    const from = join(folder, "source");
    const changed = Buffer.from(readFileSync(backing));
    noise("forced", BLOCK).copy(changed, changed.length - BLOCK);
    writeFileSync(from, changed);
    const refused = await sync([from, `one:${loop.path}`]);
    assertFailed(
      refused,
      EXIT.busy,
      "sync",
      /on one: /,
      new RegExp(loop.path),
      new RegExp(point),
      /--force/,
    );
    assertSucceeded(await sync(["--force", from, `one:${loop.path}`]));
    assertSame(readFileSync(backing), changed);
  },
);

test("a destination that another process holds there", { skip: skip || lackingLoop }, async (t) => {
  const { folder, from } = pair(t, { source: noise("source", 4 * BLOCK) });
  const loop = loopWith(t, folder, noise("before", 4 * BLOCK));
  const { reader, writer } = makePipe(t);
  const holder = start(t, ["save", loop.path], { stdin: reader.fd });
  await hasOpened(holder, loop.path);
  assertFailed(
    await sync([from, `one:${loop.path}`]),
    EXIT.busy,
    "sync",
    /on one: /,
    new RegExp(loop.path),
  );
  writeFileSync(writer.fd, DONE);
  writer.close();
  await holder.ended;
});

test("a host that says something to whoever logs in", { skip }, async (t) => {
  const { folder, from, to } = pair(t);
  const before = readFileSync(to);
  // By another name, its path would not be shown.
  const talking = join(folder, "ssh");
  script(talking, 'echo Welcome to this host; exec ssh "$@"');
  for (const words of [
    [from, `one:${to}`],
    ["-n", `one:${from}`, to],
  ]) {
    const outcome = await sync(["-e", `${talking} -x`, ...words]);
    assertFailed(
      outcome,
      EXIT.protocol,
      "sync",
      /the stream from one was not written by blockcopy: /,
      /make sure that `\S+\/ssh -x one true` prints nothing/,
    );
  }
  assertSame(readFileSync(to), before);
});

test("a disk that is full there", { skip }, async (t) => {
  const { folder, from } = pair(t);
  const point = mountTmpfs(t, folder, 2 ** 20);
  const copy = join(point, "copy");
  const foreseen = await sync(["--create", from, `one:${copy}`]);
  const lack = `on one: cannot write ${copy}: ${SOURCE.length} more bytes are needed and ${2 ** 20} are free on its file system; nothing was written; free space there`;
  assertFailed(foreseen, EXIT.io, "sync", new RegExp(lack));
  assert.ok(!existsSync(copy), "a new file was left");
  // Room is not looked at.
  const met = await sync(["--create", "--sparse", from, `one:${copy}`]);
  assertFailed(met, EXIT.io, "sync", /on one: .*ENOSPC/, /free space/);
  await allGone(3);
});
