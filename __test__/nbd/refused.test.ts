// Failures of NBD servers, and what is refused of exports.
import assert from "node:assert/strict";
import { chownSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { fakeNbd, FLAG, NBD, nbdkit, reply, uriOf } from "../support/programs/nbd.ts";
import { pair, SOURCE, unlike } from "../support/programs/sync-pair.ts";
import { lacking, lackingRoot } from "../support/programs/tools.ts";

const MIB = 1024 * 1024;

test("a failed read names its offset", { skip: lacking("nbdkit") }, async (t) => {
  const { folder, from, to } = pair(t);
  const bad = MIB + 8192;
  const map = join(folder, "map");
  const ranges = `0x0 ${bad} +\n${bad} 0x200 -\n${bad + 512} ${SOURCE.length - bad - 512} +\n`;
  writeFileSync(map, `0x0 + 1\n${ranges}`);
  const uri = await nbdkit(t, "--filter=ddrescue", "file", from, `ddrescue-mapfile=${map}`);
  const outcome = await run(["sync", uri, to]);
  const what = new RegExp(`cannot read nbd\\+unix:.* at offset ${bad}: Input/output error`);
  assertFailed(outcome, EXIT.io, "sync", what, /log of the NBD server/);
});

test("a server that is killed during a copy", { skip: lacking("nbdkit") }, async (t) => {
  const { folder, from, to } = pair(t);
  const [log, pid] = [join(folder, "log"), join(folder, "pid")];
  const filters = ["-P", pid, "--filter=log", "--filter=delay"];
  const uri = await nbdkit(t, ...filters, "file", from, "delay-read=1", `logfile=${log}`);
  const running = run(["sync", uri, to]);
  await eventually(() => / Read /.test(readFileSync(log, "utf8")), { what: "read" });
  process.kill(Number(readFileSync(pid, "utf8")), "SIGKILL");
  const what = /cannot read nbd\+unix:.* at offset \d+: the server closed the connection/;
  assertFailed(await running, EXIT.io, "sync", what);
});

test("a failed flush fails the copy", { skip: lacking("nbdkit") }, async (t) => {
  const { from, to } = unlike(t, 2);
  const uri = await nbdkit(
    t,
    "eval",
    `get_size=stat -c %s ${to}`,
    `pread=dd if=${to} iflag=skip_bytes,count_bytes skip=$4 count=$3 status=none`,
    `pwrite=dd of=${to} oflag=seek_bytes conv=notrunc seek=$4 status=none`,
    "can_write=exit 0",
    "can_flush=exit 0",
    "flush=echo EIO no disk >&2; exit 1",
  );
  const outcome = await run(["sync", from, uri]);
  assertFailed(outcome, EXIT.io, "sync", /cannot sync nbd.*not known to be on disk/);
});

test("the user name and password of a URI are not repeated", async (t) => {
  const { folder, from } = pair(t);
  const uri = "nbd+unix://bob:hush@/x?socket=s";
  const metrics = join(folder, "metrics");
  for (const args of [
    ["checksum", uri],
    ["sync", "--lock", from, uri],
    ["sync", "-v", "--json", "--metrics", metrics, uri, from],
  ]) {
    const { code, stdout, stderr } = await run(args);
    assert.equal(code, EXIT.usage, stderr);
    assert.match(stderr, /nbd\+unix:\/\/\*\*\*@\/x/);
    assert.doesNotMatch(`${stdout.toString()}${stderr}`, /bob|hush/);
  }
  assert.match(readFileSync(metrics, "utf8"), /source="nbd\+unix:\/\/\*\*\*@\/x/);
});

const MIB_EXPORT = { size: MIB, flags: FLAG.flush };

test("what a server refuses, or says wrongly, is named", async (t) => {
  const source = join(scratch(t), "source");
  writeFileSync(source, noise("s", MIB));
  const cases: [Parameters<typeof fakeNbd>[1], number, RegExp][] = [
    [{ ...MIB_EXPORT, refuses: [5, ""] }, EXIT.busy, /cannot open nbd.*demands TLS/],
    [
      { ...MIB_EXPORT, refuses: [6, "no \u001B[31m such\ndisk"] },
      EXIT.busy,
      /cannot open nbd.*no default export: no \?\[31m such\?disk; correct .* `nbdinfo --list URI`/,
    ],
    [{ ...MIB_EXPORT, flags: FLAG.flush | FLAG.readOnly }, EXIT.permission, /read-only/],
    [{ ...MIB_EXPORT, flags: 1 }, EXIT.busy, /neither flush nor FUA/],
    [{ ...MIB_EXPORT, size: MIB - 1 }, EXIT.usage, /has 1048576 bytes and .* has 1048575/],
    [
      { ...MIB_EXPORT, answer: (_, socket) => socket.destroy() },
      EXIT.io,
      /cannot read nbd.* at offset 0: the server closed the connection/,
    ],
    [
      {
        ...MIB_EXPORT,
        answer: (request, socket) => {
          if (request.command === NBD.write) socket.destroy();
          else reply(request, socket, Buffer.alloc(request.length));
        },
      },
      EXIT.io,
      /cannot (?:read|write) nbd.* at offset 0: the server closed the connection/,
    ],
    [
      {
        ...MIB_EXPORT,
        // More bytes than were asked for: what comes after them is no reply.
        answer: (request, socket) => reply(request, socket, Buffer.alloc(request.length + 1000)),
      },
      EXIT.io,
      /broke the NBD protocol: a reply does not begin with its magic number/,
    ],
    [
      {
        ...MIB_EXPORT,
        answer: ({ length }, socket) =>
          reply({ cookie: Buffer.alloc(8, 0xff) }, socket, Buffer.alloc(length)),
      },
      EXIT.io,
      /broke the NBD protocol: a reply to no request/,
    ],
  ];
  for (const [fake, code, message] of cases) {
    const { uri } = await fakeNbd(t, fake);
    assertFailed(await run(["sync", source, uri]), code, "sync", message);
  }
});

test("a socket that this user may not use", { skip: lackingRoot("setpriv") }, async (t) => {
  const { from } = unlike(t, 1);
  const { uri } = await fakeNbd(t, { size: BLOCK, flags: FLAG.flush });
  chownSync(new URL(uri).searchParams.get("socket") ?? "", 65_534, 65_534);
  const drop = ["--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"];
  const outcome = await run(["sync", from, uri], { prefix: ["setpriv", ...drop] });
  assertFailed(outcome, EXIT.permission, "sync", /Permission denied; run as a user who may/);
});

test(
  "a comparison that fails is not told to copy the rest",
  { skip: lacking("nbdkit") },
  async (t) => {
    const { from } = unlike(t, 2);
    const uri = await nbdkit(t, "--filter=error", "file", from, "error-pread-rate=1");
    const outcome = await run(["compare", from, uri]);
    const says =
      /cannot read nbd.*; look at the log of the NBD server.*: run it again|serves; run it again$/;
    assertFailed(outcome, EXIT.io, "compare", says);
    assert.doesNotMatch(outcome.stderr, /copies only|only what is missing/);
  },
);

test("options that an export cannot follow are refused by name", async (t) => {
  const { from } = unlike(t, 1);
  const { uri, requests } = await fakeNbd(t, { size: BLOCK, flags: FLAG.flush });
  for (const [option, ...words] of [
    ["--create", "sync", from, uri],
    ["--truncate", "sync", from, uri],
    ["--times", "sync", "-a", from, `host:${uri}`],
    ["--lock", "sync", from, uri],
    ["--digest-cache", "sync", "--digest-cache=/x", from, uri],
    ["--streams", "sync", "--streams=2", from, uri],
    ["--perms", "save", uri],
    ["--update-digests", "save", "--update-digests=/x", uri],
    ["--create", "checksum", uri],
  ]) {
    const [command = "", ...rest] = words;
    const isGiven = rest.some((word) => word.startsWith("-"));
    const outcome = await run([command, ...(isGiven ? [] : [option ?? ""]), ...rest]);
    assertFailed(outcome, EXIT.usage, command, new RegExp(`${option} does not work with .*nbd`));
  }
  const direct = await run(["checksum", "--direct=on", uri]);
  assertFailed(direct, EXIT.usage, "checksum", /with direct I\/O/);
  assert.deepEqual(requests, []);
});

test("names of exports, and files of such names", { skip: lacking("nbdkit") }, async (t) => {
  const { folder, from, to } = unlike(t, 1);
  for (const [uri, code, message] of [
    ["nbds://host/x?tls-psk-file=/x", EXIT.usage, /pre-shared keys is not supported/],
    ["nbd+unix:///x", EXIT.usage, /socket is missing/],
    ["nbd://[::1]:0/x", EXIT.usage, /a port is a number/],
    [uriOf(join(folder, "none")), EXIT.busy, /No such file or directory; check the path of the/],
    [uriOf(from), EXIT.busy, /Connection refused; see that the server runs and listens/],
    [uriOf(`/${"x".repeat(107)}`), EXIT.busy, /the path of a socket has at most 107 bytes: make a/],
    ["nbd://127.0.0.1:9/x", EXIT.busy, /Connection refused; see that the server runs and listens/],
  ] as const)
    assertFailed(await run(["sync", from, uri]), code, "sync", message);
  const uri = await nbdkit(t, "file", to);
  for (const same of [uri, uri.replace("nbd.sock", "./nbd.sock")])
    assertFailed(await run(["sync", uri, same]), EXIT.usage, "sync", /are the same/);

  mkdirSync(join(folder, "nbd:", "host"), { recursive: true });
  const file = join(folder, "nbd:", "host", "x");
  writeFileSync(file, noise("x", BLOCK));
  truncateSync(file, 1000);
  const found = await run(["checksum", "--root", "./nbd://host/x"], { cwd: folder });
  const expected = await run(["checksum", "--root", file]);
  assert.equal(found.stdout.toString(), expected.stdout.toString());
});
