// The rights of a key: files by pattern, options by a list. What sync asks for goes to serve as sshd would hand it over.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { scratch } from "../support/files/files.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { assertFailed, EXIT, type Outcome } from "../support/programs/cli.ts";
import { serve, servedFolders, syncServed } from "../support/programs/served.ts";
import { assertSynced, changedIn, SOURCE } from "../support/programs/sync-pair.ts";

test("options of a copy that concern nothing but its file", async (t) => {
  const { folder, words, here, out, copy } = servedFolders(t);
  const map = join(folder, "map");
  writeFileSync(map, "0 1048576\n");
  for (const options of [
    ["-t", "--verify", "full", "--compress", "zstd", "--digest", "sha3-512", "--bwlimit", "1G"],
    ["--lock", "--sparse", "--truncate", "--block-size", "4K", "--start", "4K", "--end", "4M"],
    ["--direct", "off", "--threads", "1", "--queue-depth", "1", "-v", "--ranges", map],
  ]) {
    writeFileSync(here, SOURCE);
    writeFileSync(copy, changedIn(SOURCE, 4));
    const outcome = await syncServed(folder, words, [...options, here, `host:${copy}`]);
    assert.equal(outcome.code, EXIT.ok, `${options.join(" ")}: ${outcome.stderr}`);
    assertSame(readFileSync(copy), SOURCE);
  }
  for (const options of [
    ["-n", "--map", here, `host:${copy}`],
    ["--delta", join(folder, "delta"), here, `host:${copy}`],
    ["--streams", "2", "--map", "--remote-command", "/opt/b/blockcopy", `host:${out}`, here],
  ]) {
    const outcome = await syncServed(folder, words, options);
    assert.equal(outcome.code, EXIT.ok, `${options.join(" ")}: ${outcome.stderr}`);
  }
});

test("compare needs no right to write", async (t) => {
  const { folder, words, here, out, copy } = servedFolders(t);
  const compare = (...args: string[]): Promise<Outcome> =>
    syncServed(folder, words, ["compare", "-q", ...args]);
  writeFileSync(here, SOURCE);
  for (const [args, code] of [
    [[here, `host:${out}`], EXIT.ok],
    [[`host:${out}`, `host:${copy}`], 1],
    [[`host:${copy}`, here], EXIT.permission],
  ] as const) {
    const outcome = await compare(...args);
    assert.equal(outcome.code, code, `${args.join(" ")}: ${outcome.stderr}`);
  }
});

test("a refusal does not advise --force, which a key does not allow", async (t) => {
  const { folder, words, here, copy } = servedFolders(t);
  const file = openSync(copy, "r+");
  const user = spawn("sleep", ["60"], { stdio: ["ignore", "ignore", "ignore", file] });
  killAtEnd(t, user);
  closeSync(file);
  for (const dry of [[], ["-n"]]) {
    const used = await syncServed(folder, words, [...dry, here, `host:${copy}`]);
    assertFailed(used, EXIT.busy, "sync", /open for writing; free it first$/);
  }
  user.kill();
  await once(user, "exit");
  writeFileSync(here, "");
  const emptying = await syncServed(folder, words, ["--truncate", here, `host:${copy}`]);
  assertFailed(emptying, EXIT.usage, "sync", /would empty .*; check the source$/);
});

test("a key gets no more threads than there are CPUs", async (t) => {
  const { words, copy } = servedFolders(t);
  const options = "--dry-run --verbose --start=4096 --end=8192 --threads=1000";
  const { stdout, stderr } = await serve(words, `blockcopy receive ${options} -- ${copy}`);
  assert.ok(stdout.length > 0, stderr);
  assert.match(stderr, new RegExp(`threads that hash: ${availableParallelism()},`));
});

test("names that a shell would change, and names relative to the home folder", async (t) => {
  const { words, here, folder } = servedFolders(t);
  for (const name of ["a $(touch harm); 'x' \\ ! \u{1f4be}", "two\nlines"]) {
    const to = join(folder, "in", `${name}.img`);
    writeFileSync(to, changedIn(SOURCE, 1));
    writeFileSync(here, SOURCE);
    assertSynced(await syncServed(folder, words, [here, `host:${to}`]), to);
  }
  const home = scratch(t, homedir());
  const relative = home.slice(homedir().length + 1);
  const rights = ["--allow-read", `${home}/*`];
  writeFileSync(join(home, "a file"), SOURCE);
  for (const path of [`${relative}/a file`, `~/${relative}/a file`]) {
    writeFileSync(here, changedIn(SOURCE, 1));
    assertSynced(await syncServed(folder, rights, [`host:${path}`, here]), here);
  }
});

test("sync says what a key does not allow", async (t) => {
  const { folder, words, here, out, copy } = servedFolders(t);
  for (const [args, pattern] of [
    [[here, `host:${out}`], /writing .*\/out\/disk\.img; .*--allow-write/],
    [["--create", here, `host:${folder}/in/new.img`], /--create; .*--allow-create/],
    [["-a", here, `host:${copy}`], /--perms; .*-t is allowed/],
    [["--digest-cache", "/tmp/a b", here, `host:${copy}`], /--encoded-digest-cache; /],
    [["--sudo", here, `host:${copy}`], /--sudo; /],
    [["--snapshot", "auto", `host:${out}`, here], /--snapshot; .*a snapshot that is made there/],
  ] as const) {
    const outcome = await syncServed(folder, words, args);
    const from = /^ERROR \(sync\): on host: this key does not allow /;
    assertFailed(outcome, EXIT.permission, "sync", from, pattern);
  }
  assert.ok(!existsSync(join(folder, "in/new.img")));
  assertSame(readFileSync(copy), changedIn(SOURCE, 5));
  const twice = await syncServed(folder, words, ["--streams", "2", here, `host:${copy}`]);
  assertFailed(twice, EXIT.permission, "sync", /--queue; leave out --streams/);
});

test("--allow-create makes files where they may be written", async (t) => {
  const { folder, words, here } = servedFolders(t);
  writeFileSync(here, SOURCE);
  const made = join(folder, "in/new.img");
  const create = (path: string): Promise<Outcome> =>
    syncServed(folder, [...words, "--allow-create"], ["--create", here, `host:${path}`]);
  assertSynced(await create(made), made);
  const elsewhere = await create(join(folder, "in/new.txt"));
  assertFailed(elsewhere, EXIT.permission, "sync", /not allow writing/);
  const link = join(folder, "in/link.img");
  symlinkSync(join(folder, "elsewhere"), link);
  const linked = await create(link);
  const words77 = /others than root can change the symbolic link .*in\/link\.img; /;
  assertFailed(linked, EXIT.permission, "sync", words77);
  assert.ok(!existsSync(join(folder, "elsewhere")));
});
