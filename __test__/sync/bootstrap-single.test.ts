// Hosts without blockcopy and without Node: an executable that needs nothing is sent there, kept, and used again. Except for the last test, a
// script stands for the executable.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { keepSingleLine } from "../../src/sync/connection/host-lines.ts";
import { VERSION } from "../../src/native/installation.ts";
import { assertSame } from "../support/files/bytes.ts";
import { scratch } from "../support/files/files.ts";
import { bare, SINGLE_NAME, singles } from "../support/hosts/bare-host.ts";
import { lackingHosts, logins, script, sync } from "../support/hosts/hosts.ts";
import {
  assertFailed,
  COMMAND,
  execute,
  EXIT,
  type Outcome,
  PROJECT,
  quote,
  withoutSummary,
} from "../support/programs/cli.ts";
import { assertSynced, changedIn, pair, SOURCE } from "../support/programs/sync-pair.ts";
import { lackingRoot, system } from "../support/programs/tools.ts";

const skip = lackingHosts;

/** Asserts that the copy was made and that blockcopy was sent once. */
function assertSent({ code, stderr }: Outcome, to: string): void {
  assert.equal(code, EXIT.ok, stderr);
  const line = /^blockcopy sync: sent blockcopy [\d.]+ to one \([\d.]+ \w+, kept in (\S+)\)\n$/;
  assert.match(withoutSummary(stderr), line);
  assertSame(readFileSync(to), SOURCE, "the destination");
}

for (const [what, node, options] of [
  ["without Node", null, []],
  ["with an old Node", "echo v16.20.2", []],
  ["with Node, by --bootstrap single", undefined, ["--bootstrap", "single"]],
] as const)
  test(`an executable is sent to a host ${what}, and kept`, { skip }, async (t) => {
    const { rsh, kept, packages } = bare(t, { ...(node !== undefined && { node }) });
    const { from, to } = pair(t);
    const env = { BLOCKCOPY_SINGLE_FOLDER: singles(t).folder };
    const args = [...options, "-e", rsh, from, `one:${to}`];
    assertSent(await sync(args, { env }), to);
    const [folder = "", ...others] = packages("one");
    assert.deepEqual(others, []);
    for (const path of [kept("one"), join(kept("one"), folder)])
      assert.equal(statSync(path).mode & 0o7777, 0o700);
    writeFileSync(to, changedIn(SOURCE, 5));
    const before = logins("one");
    assertSynced(await sync(args, { env }), to);
    assert.equal(logins("one") - before, 1);
  });

test(
  "a kept executable that is damaged, or that others may change, is replaced",
  { skip },
  async (t) => {
    const { rsh, kept, packages } = bare(t, { node: null });
    const { from, to } = pair(t);
    const env = { BLOCKCOPY_SINGLE_FOLDER: singles(t).folder };
    const args = ["-e", rsh, from, `one:${to}`];
    assertSent(await sync(args, { env }), to);
    const [folder = ""] = packages("one");
    const program = join(kept("one"), folder, "blockcopy");
    for (const harm of [
      () => appendFileSync(program, "echo damaged\n"),
      () => chmodSync(program, 0o777),
    ]) {
      harm();
      assertSent(await sync(args, { env }), to);
      assert.deepEqual(packages("one"), [folder]);
    }
    chmodSync(kept("one"), 0o777);
    const untrusted = /another user could change what is in .*chmod go-w/;
    const refused = await sync(args, { env });
    assertFailed(refused, EXIT.busy, "sync", untrusted);
    // Each advice is given once.
    assert.equal(refused.stderr.match(/install blockcopy there/g)?.length, 1, refused.stderr);
    assert.equal(refused.stderr.match(/XDG_CACHE_HOME/g)?.length, 1, refused.stderr);
    const never = await sync(["--no-bootstrap", ...args], { env });
    assertFailed(never, EXIT.busy, "sync", /no blockcopy on one/);
  },
);

for (const [what, harm, ...patterns] of [
  [
    "is not at hand",
    undefined,
    new RegExp(`put ${SINGLE_NAME} of ${VERSION} into /nowhere .*so that it is sent`),
  ],
  ["is of another version", { version: "0.0.9" }, new RegExp(`put ${SINGLE_NAME} of ${VERSION}`)],
  ["can be changed by others", { mode: 0o666 }, new RegExp(`put ${SINGLE_NAME} of ${VERSION}`)],
  ["is damaged", { spoilt: true }, /cannot be sent to one: \/.* is damaged/],
] as const)
  test(
    `an executable that ${what} is not sent, and the message says what to do`,
    { skip },
    async (t) => {
      const { rsh, packages } = bare(t, { node: null });
      const { from, to } = pair(t);
      const { folder, file } = singles(t, harm && "version" in harm ? harm.version : VERSION);
      if (harm && "mode" in harm) chmodSync(file, harm.mode);
      if (harm && "spoilt" in harm)
        writeFileSync(file, readFileSync(file, "utf8").replace("exec", "eXec"));
      const env = harm === undefined ? {} : { BLOCKCOPY_SINGLE_FOLDER: folder };
      assertFailed(
        await sync(["-e", rsh, from, `one:${to}`], { env }),
        EXIT.busy,
        "sync",
        ...patterns,
      );
      assert.deepEqual(packages("one"), []);
    },
  );

test("a pipe in the place of an executable is not waited for", async (t) => {
  const { folder, from, to } = pair(t);
  system("mkfifo", join(folder, SINGLE_NAME));
  const { code, stderr } = await sync(["-v", "-e", "false", from, `one:${to}`], {
    env: { BLOCKCOPY_SINGLE_FOLDER: folder },
    timeoutMs: 10_000,
  });
  assert.equal(code, EXIT.busy, stderr);
  assert.match(stderr, /\/blockcopy-linux-\w+ cannot be sent: it is not a whole single executable/);
});

test("--bootstrap node sends no executable", { skip }, async (t) => {
  const { rsh, packages } = bare(t, { node: null });
  const { from, to } = pair(t);
  const env = { BLOCKCOPY_SINGLE_FOLDER: singles(t).folder };
  const args = ["--bootstrap", "node", "-e", rsh, from, `one:${to}`];
  assertFailed(await sync(args, { env }), EXIT.busy, "sync", /nor a Node to run it/);
  assert.deepEqual(packages("one"), []);
});

for (const [what, kill] of [
  ["no process hears any more what it prints", "exit"],
  ["a signal ends it", "kill -TERM $(cat pid); exit"],
] as const)
  test(`the shell that keeps an executable leaves nothing else if ${what}`, async (t) => {
    const { folder, file } = singles(t);
    const digest = createHash("sha256").update(readFileSync(file)).digest("hex");
    const line = keepSingleLine({ name: "kept", cpu: "x64" }, digest);
    const sends = `{ until grep -qs . pid; do :; done; sleep 0.2; gzip -c ${quote([file])}; }`;
    const keeps = `sh -c ${quote([`echo $$ > pid; ${line}`])} 2>&1 >/dev/null`;
    const hears = `{ until ls -d .cache/blockcopy/.single-*; do :; done; ${kill}; } > /dev/null 2>&1`;
    await execute(["bash", "-c", `${sends} | ${keeps} | ${hears}`], {
      cwd: folder,
      env: { HOME: folder, XDG_CACHE_HOME: undefined },
    });
    const left = readdirSync(join(folder, ".cache/blockcopy"));
    assert.deepEqual(left, kill === "exit" ? ["kept"] : []);
  });

test("an executable that is cut off on its way is not kept", { skip }, async (t) => {
  const { rsh, packages } = bare(t, { node: null, input: "head -c 100" });
  const { from, to } = pair(t);
  const env = { BLOCKCOPY_SINGLE_FOLDER: singles(t).folder };
  const outcome = await sync(["-e", rsh, from, `one:${to}`], { env });
  assertFailed(outcome, EXIT.busy, "sync", /sent to one and could not be stored there: .*gzip/);
  assert.deepEqual(packages("one"), []);
});

const notBuilt = existsSync(join(PROJECT, "dist/single", SINGLE_NAME))
  ? lackingRoot("busybox", "sshd", "ssh", "ssh-keygen", "ldd", "unshare", "chroot")
  : `dist/single/${SINGLE_NAME} is not built: npm run build:platforms, then npm run build:single`;

test(
  "a host with nothing but busybox, sshd and libc is a far end",
  { skip: notBuilt },
  async (t) => {
    const { root, rsh } = bareRoot(t);
    const { from } = pair(t);
    const to = join(root, "copy");
    const env = { BLOCKCOPY_SINGLE_FOLDER: join(PROJECT, "dist/single") };
    const args = ["sync", "-e", rsh, "--create", from, "one:/copy"];
    const outcome = await execute([...COMMAND, ...args], { env });
    assertSent(outcome, to);
    writeFileSync(to, changedIn(SOURCE, 5));
    assertSynced(await execute([...COMMAND, ...args], { env }), to);
  },
);

test(
  "an executable that may not send itself says to copy it by hand",
  { skip: notBuilt },
  async (t) => {
    const { folder, from, to } = pair(t);
    const [rsh, tools] = [join(folder, "connect"), join(folder, "tools")];
    mkdirSync(tools);
    for (const name of ["sh", "uname"]) symlinkSync(system("which", name), join(tools, name));
    script(rsh, `shift; PATH=${quote([tools])}; export PATH; exec sh -c "$*"`);
    const single = join(scratch(t), SINGLE_NAME);
    copyFileSync(join(PROJECT, "dist/single", SINGLE_NAME), single);
    chmodSync(single, 0o777);
    const byHand = [
      new RegExp(`, and ${single} cannot be sent \\(-v says why\\)`),
      /; copy that file there as \/usr\/local\/bin\/blockcopy/,
    ];
    const onlyItself = [
      /cannot send the package for Node/,
      /; leave out --bootstrap node, or copy/,
    ];
    for (const [options, patterns] of [
      [[], byHand],
      [["--bootstrap", "node"], onlyItself],
    ] as const) {
      const outcome = await execute([single, "sync", ...options, "-e", rsh, from, `one:${to}`]);
      assertFailed(outcome, EXIT.busy, "sync", ...patterns);
    }
  },
);

/** Makes a host of a folder: the files that busybox and sshd consist of, and an ssh that starts that sshd. */
function bareRoot(t: TestContext): { root: string; rsh: string } {
  const folder = scratch(t);
  const root = mkdtempSync(join(folder, "root-"));
  chmodSync(root, 0o755);
  for (const name of ["bin", "dev", "etc", "proc", "root", "run/sshd", "sys", "tmp", "usr/sbin"])
    mkdirSync(join(root, name), { recursive: true });
  const sshd = system("which", "sshd");
  const session = "/usr/lib/openssh/sshd-session";
  const programs = [sshd, system("which", "busybox"), ...(existsSync(session) ? [session] : [])];
  for (const program of programs) {
    const linked = execFileSync("ldd", [program], { encoding: "utf8" });
    const libraries = Array.from(linked.matchAll(/(\/\S+) \(0x/g), ([, path = ""]) => path);
    for (const file of [program, ...libraries]) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      copyFileSync(file, join(root, file));
    }
  }
  const busybox = system("which", "busybox");
  for (const name of execFileSync("busybox", ["--list"], { encoding: "utf8" }).split("\n"))
    if (name !== "" && !existsSync(join(root, "bin", name)))
      symlinkSync(busybox, join(root, "bin", name));
  for (const [name, minor] of [
    ["null", "3"],
    ["zero", "5"],
    ["urandom", "9"],
  ] as const)
    system("mknod", "-m", "666", join(root, "dev", name), "c", "1", minor);
  for (const key of ["host", "id"])
    system("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(folder, key));
  copyFileSync(join(folder, "host"), join(root, "etc/host"));
  chmodSync(join(root, "etc/host"), 0o600);
  copyFileSync(join(folder, "id.pub"), join(root, "etc/keys"));
  writeFileSync(
    join(root, "etc/passwd"),
    "root:x:0:0::/root:/bin/sh\nsshd:x:74:74::/run/sshd:/bin/false\n",
  );
  writeFileSync(join(root, "etc/group"), "root:x:0:\nsshd:x:74:\n");
  const config =
    "HostKey /etc/host\nAuthorizedKeysFile /etc/keys\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nSetEnv PATH=/bin\n";
  writeFileSync(join(root, "etc/sshd_config"), config);
  assert.equal(existsSync(join(root, "usr/lib/x86_64-linux-gnu/libstdc++.so.6")), false);

  const enter = join(folder, "enter");
  script(
    enter,
    `exec unshare -m --propagation private sh -c 'cd "$0" && mount -t proc proc proc && mount -t sysfs sysfs sys && exec chroot . ${sshd} -i -f /etc/sshd_config' ${quote([root])}`,
  );
  const rsh = join(folder, "ssh");
  script(
    rsh,
    `exec ssh -F none -l root -i ${quote([join(folder, "id")])} -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ProxyCommand=${quote([enter])} "$@"`,
  );
  return { root, rsh };
}
