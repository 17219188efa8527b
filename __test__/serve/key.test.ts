// Copies with a key that can only copy: a real sshd, a real key with a forced command, an account without rights.
import assert from "node:assert/strict";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, EXIT, PROJECT } from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import {
  ACCOUNT,
  type KeyedHost,
  keyedHost,
  lackingForcedCommand,
} from "../support/hosts/forced-command.ts";
import { assertSynced, changedIn, SOURCE } from "../support/programs/sync-pair.ts";

const skip = lackingForcedCommand;

/** The words of the two keys in the manual, for a folder of a test instead of /dev/vg and /srv/disks. */
function wordsOfManual(): string {
  const manual = readFileSync(join(PROJECT, "docs/manual.md"), "utf8");
  const keys = Array.from(manual.matchAll(/^ {4}restrict,command="blockcopy serve (.*)" ssh-/gm));
  assert.equal(keys.length, 2);
  const words = keys.map(([, found]) => found).join(" ");
  return words
    .replace("/dev/vg/", `${tmpdir()}/*/out/`)
    .replace("/srv/disks/", `${tmpdir()}/*/in/`);
}

/** A host where the account may read snapshots in `out`, and write to what is in `in`. */
function hostWithFolders(
  t: TestContext,
  settings = "",
): KeyedHost & { there: string; here: string } {
  const words = wordsOfManual();
  const host = keyedHost(t, words, settings);
  for (const name of ["out", "in"]) mkdirSync(join(host.folder, name));
  const files = [join(host.folder, "out/disk-snapshot"), join(host.folder, "in/copy.img")] as const;
  writeFileSync(files[0], SOURCE);
  writeFileSync(files[1], changedIn(SOURCE, 3));
  for (const name of ["in", "in/copy.img", "home"])
    chownSync(join(host.folder, name), ACCOUNT.id, ACCOUNT.id);
  const here = join(host.folder, "here");
  writeFileSync(here, changedIn(SOURCE, 1, 2));
  return { ...host, there: `host:${host.folder}`, here };
}

test("a direct connection is refused, and auto copies over ssh", { skip }, async (t) => {
  const { sync, there, here } = hostWithFolders(t);
  const args = [`${there}/out/disk-snapshot`, here];
  const refused = await sync(["--transport", "tls", ...args]);
  assertFailed(refused, EXIT.permission, "sync", /--tunnel/, /; leave out --transport/);
  const { code, stderr } = await sync(["--transport", "auto", ...args]);
  assert.equal(code, EXIT.ok, stderr);
  assert.match(stderr, /^WARNING \(sync\): no direct connection, so the copy goes over ssh: /);
  assertSame(readFileSync(here), SOURCE, "the destination");
});

test("pull and push with an account that has no other rights", { skip }, async (t) => {
  const { sync, there, here, folder } = hostWithFolders(t);
  assertSynced(await sync([`${there}/out/disk-snapshot`, here]), here);
  const copy = join(folder, "in/copy.img");
  const made = join(folder, "in/new.img");
  assertSynced(await sync(["--create", "-t", here, `${there}/in/new.img`]), made);
  assertSynced(await sync(["-t", "--verify", "full", here, `${there}/in/copy.img`]), copy);
  const other = await sync(["host:/etc/shadow", here]);
  assertFailed(
    other,
    EXIT.permission,
    "sync",
    /on host: this key does not allow reading \/etc\/shadow; /,
  );
});

test("nothing else runs with such a key", { skip }, async (t) => {
  const { ssh, folder } = hostWithFolders(t, "AcceptEnv *");
  const harm = join(folder, "in/harm");
  for (const words of [
    ["host"],
    ["host", `touch ${harm}`],
    ["host", `blockcopy retrieve --events -- /dev/null; touch ${harm}`],
  ]) {
    const { code, stdout, stderr } = await ssh(...words);
    assert.equal(code, EXIT.permission, stderr);
    assert.equal(stdout.length, 0, words.join(" "));
    assert.match(
      stderr,
      /ERROR \(serve\): this key does not allow (?:logging in|any other command); /,
    );
  }
  // sshd sends no standard error of a subsystem.
  const sftp = await ssh("-s", "host", "sftp");
  assert.deepEqual([sftp.code, sftp.stdout.length], [EXIT.permission, 0], sftp.stderr);
  // Variables that would have Node run a program, and those that blockcopy looks at.
  const module = join(folder, "module.cjs");
  writeFileSync(module, `require("fs").writeFileSync(${JSON.stringify(harm)}, "")`);
  const variables = `NODE_OPTIONS=--require=${module} BLOCKCOPY_WIRE=x DEBUG=1 HOME=/root`;
  const file = join(folder, "out/missing");
  const asked = `blockcopy retrieve --events --compress=none -- ${file}`;
  const refused = await ssh("-o", `SetEnv=${variables}`, "host", asked);
  assert.notEqual(refused.code, EXIT.ok);
  assert.ok(!existsSync(harm), refused.stderr);
});

test("a name that becomes a link during a copy does not lead it elsewhere", { skip }, async (t) => {
  const { sync, folder, here, there } = hostWithFolders(t);
  const [copy, moved, secret] = ["in/copy.img", "in/moved", "secret"].map((n) => join(folder, n));
  writeFileSync(copy!, Buffer.alloc(SOURCE.length));
  writeFileSync(secret!, "secret");
  writeFileSync(here, SOURCE);
  const copied = sync([
    "--bwlimit",
    "4M",
    "--compress",
    "none",
    "--json",
    here,
    `${there}/in/copy.img`,
  ]);
  // Its first block has arrived, so it is open.
  await eventually(() => readFileSync(copy!).subarray(0, 4096).equals(SOURCE.subarray(0, 4096)), {
    what: "wrote the first block",
  });
  renameSync(copy!, moved!);
  symlinkSync(secret!, copy!);
  const outcome = await copied;
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assertSame(readFileSync(moved!), SOURCE);
  assert.equal(readFileSync(secret!, "utf8"), "secret");
});
