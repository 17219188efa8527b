// A package where it is kept: what goes into its folder, and what is run from there.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { hostReportIn, type PackageId, runLine } from "../../src/sync/connection/host-lines.ts";
import { obstacleOf } from "../../src/sync/bootstrap/missing-program.ts";
import { quoteWord } from "../../src/sync/connection/shell-words.ts";
import {
  DIGESTS,
  digestsOf,
  type Files,
  pack,
  sha256,
  unpack,
} from "../../src/sync/bootstrap/archive.ts";
import { installPackage } from "../../src/sync/bootstrap/install-package.ts";
import { scratch } from "../support/files/files.ts";
import { lacking, lackingRoot, system } from "../support/programs/tools.ts";

/** A program that says that it ran, and with what. */
const FILES: Files = (() => {
  const files = new Map<string, Uint8Array>([
    ["dist/cli/main.js", Buffer.from("console.log(process.argv.slice(2).join())")],
    ["dist/cli/blockcopy", Buffer.from('exec node "${0%/*}/main.js" "$@"\n')],
    ["dist/empty", Buffer.alloc(0)],
    ["package.json", Buffer.from('{"type":"module"}\n')],
  ]);
  return files.set(DIGESTS, digestsOf(files));
})();

const DIGEST = sha256(FILES.get(DIGESTS) ?? Buffer.alloc(0));

const KEPT: PackageId = { name: "1.2.3-0123456789abcdef", digest: DIGEST };

const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`;

/** Runs what another host would run, through a shell of the kind that logs in there. */
function runThere(home: string, env: NodeJS.ProcessEnv = {}, login = ["sh", "-c"]) {
  const [shell = "", ...words] = login;
  const command = `sh -c ${quoteWord(runLine({ package: KEPT, singles: [] }, { sudo: false }))} blockcopy 'a b' c`;
  return spawnSync(system("which", shell), [...words, command], {
    encoding: "utf8",
    env: { PATH, HOME: home, ...env },
  });
}

function folderIn(home: string): string {
  return join(home, ".cache/blockcopy", KEPT.name);
}

/** All below a folder, with what it holds. */
function contents(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((e) => join(e.parentPath, e.name));
  return new Map(
    files.map((path) => [path.slice(folder.length + 1), readFileSync(path, "latin1")]),
  );
}

const WHOLE = new Map(
  [...FILES].map(([name, bytes]) => [name, Buffer.from(bytes).toString("latin1")]),
);

function assertWhole(folder: string): void {
  const sorted = (map: Map<string, string>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(sorted(contents(folder)), sorted(WHOLE));
}

for (const shell of ["sh", "bash", "tcsh", "fish"]) {
  test(`it runs through ${shell}`, { skip: lacking(shell) }, async (t) => {
    const home = scratch(t);
    const missing = runThere(home, {}, [shell, "-c"]);
    assert.equal(missing.status, 127, missing.stderr);
    const found = hostReportIn(missing.stderr.split("\n"));
    assert.deepEqual(
      [found?.node, found?.platform, found?.path],
      [process.version, `${process.platform}-${process.arch}`, PATH],
    );
    await installPackage(folderIn(home), DIGEST, pack(FILES));
    const { status, stdout, stderr } = runThere(home, {}, [shell, "-c"]);
    assert.deepEqual([status, stdout, stderr], [0, "a b,c\n", ""]);
  });
}

test("it lies where XDG_CACHE_HOME says, if that is an absolute path", async (t) => {
  const home = scratch(t);
  const other = scratch(t);
  await installPackage(join(other, "blockcopy", KEPT.name), DIGEST, pack(FILES));
  assert.equal(runThere(home, { XDG_CACHE_HOME: other }).status, 0);
  assert.equal(runThere(home, { XDG_CACHE_HOME: "relative" }).status, 127);
  assert.equal(runThere(home).status, 127);
});

test("its folders are their owner's alone", async (t) => {
  const home = scratch(t);
  await installPackage(folderIn(home), DIGEST, pack(FILES));
  for (const folder of [".cache", ".cache/blockcopy", `.cache/blockcopy/${KEPT.name}`])
    assert.equal(statSync(join(home, folder)).mode & 0o7777, 0o700, folder);
  assertWhole(folderIn(home));
});

/** Damage after which a package is replaced, not run. */
const DAMAGES: [what: string, damage: (folder: string) => void][] = [
  ["a byte more", (folder) => appendFileSync(join(folder, "dist/cli/main.js"), " ")],
  ["a file less", (folder) => rmSync(join(folder, "dist/empty"))],
  ["no digests", (folder) => rmSync(join(folder, DIGESTS))],
  ["other digests", (folder) => writeFileSync(join(folder, DIGESTS), "")],
  ["nothing in it", (folder) => rmSync(folder, { recursive: true }) ?? mkdirSync(folder, 0o700)],
  [
    "a file in its place",
    (folder) => rmSync(folder, { recursive: true }) ?? writeFileSync(folder, ""),
  ],
  [
    "a link in its place",
    (folder) => renameSync(folder, `${folder}.moved`) ?? symlinkSync(`${folder}.moved`, folder),
  ],
  ["its group may write to it", (folder) => chmodSync(folder, 0o770)],
  ["all may write to it", (folder) => chmodSync(folder, 0o702)],
  ["it belongs to another user", (folder) => chownSync(folder, 12_345, 0)],
  ["a group may write to a file in it", (folder) => chmodSync(join(folder, DIGESTS), 0o620)],
  ["all may write to a folder in it", (folder) => chmodSync(join(folder, "dist"), 0o702)],
  ["a file of another user in it", (folder) => chownSync(join(folder, DIGESTS), 12_345, 0)],
];
for (const [what, damage] of DAMAGES) {
  test(`damaged: ${what}`, { skip: what.includes("another") && lackingRoot() }, async (t) => {
    const home = scratch(t);
    await installPackage(folderIn(home), DIGEST, pack(FILES));
    damage(folderIn(home));
    assert.equal(runThere(home).status, 127);
    await installPackage(folderIn(home), DIGEST, pack(FILES));
    assertWhole(folderIn(home));
    assert.equal(runThere(home).status, 0);
  });
}

test("one that is whole stays as it is", async (t) => {
  const home = scratch(t);
  await installPackage(folderIn(home), DIGEST, pack(FILES));
  const { ino } = statSync(folderIn(home));
  await installPackage(folderIn(home), DIGEST, pack(FILES));
  assert.equal(statSync(folderIn(home)).ino, ino);
  assert.deepEqual(readdirSync(join(home, ".cache/blockcopy")), [KEPT.name]);
});

test("many at once, over nothing and over a damaged one", async (t) => {
  const home = scratch(t);
  for (const damage of [() => undefined, () => rmSync(join(folderIn(home), DIGESTS))]) {
    damage();
    await Promise.all(
      Array.from({ length: 8 }, () => installPackage(folderIn(home), DIGEST, pack(FILES))),
    );
    assertWhole(folderIn(home));
    assert.deepEqual(readdirSync(join(home, ".cache/blockcopy")), [KEPT.name]);
  }
});

test("leftovers of a sender are removed after a day", async (t) => {
  const home = scratch(t);
  const parent = join(home, ".cache/blockcopy");
  for (const name of [".old", ".new", "0.0.9-0"])
    mkdirSync(join(parent, name), { recursive: true });
  chmodSync(parent, 0o700);
  const before = Date.now() / 1000 - 25 * 60 * 60;
  for (const name of [".old", "0.0.9-0"]) utimesSync(join(parent, name), before, before);
  await installPackage(folderIn(home), DIGEST, pack(FILES));
  assert.deepEqual(readdirSync(parent).toSorted(), [".new", "0.0.9-0", KEPT.name]);
});

test("a folder of packages that belongs to another user, or is not a folder", async (t) => {
  const parent = join(scratch(t), "blockcopy");
  const keep = () => installPackage(join(parent, KEPT.name), DIGEST, pack(FILES));
  writeFileSync(parent, "");
  await assert.rejects(keep);
  rmSync(parent);
  mkdirSync(parent);
  chmodSync(parent, 0o777);
  await assert.rejects(keep, /others may write to .*\(mode 0777\)/);
  chmodSync(parent, 0o700);
  if (lackingRoot() === false) {
    chownSync(parent, 12_345, 0);
    await assert.rejects(keep, /belongs to another user \(12345\)/);
  }
  assert.deepEqual(readdirSync(parent), []);
});

test("an archive that is damaged, or leads out of its folder, is refused", async (t) => {
  const folder = join(scratch(t), "blockcopy", KEPT.name);
  const archive = pack(FILES);
  const plain = gunzipSync(archive).toString("latin1");
  const changed = (from: string, to: string) =>
    gzipSync(Buffer.from(plain.replace(from, to), "latin1"));
  for (const [bytes, digest, pattern] of [
    [archive, DIGEST.replace(/./, "g"), /damaged/],
    [archive.subarray(0, 100), DIGEST, /unexpected end|incorrect/],
    [changed("console", "Console"), DIGEST, /damaged/],
    [changed('"dist/empty"', '"../empty"'), DIGEST, /name/],
    [changed('"dist/empty"', '"/empty"'), DIGEST, /name/],
    [changed('"dist/empty"', '"a/../b"'), DIGEST, /name/],
    [changed('"dist/empty",0', '"dist/empty",-1'), DIGEST, /ends before|damaged/],
    [changed('"dist/empty",0', '"dist/empty",99999'), DIGEST, /ends before/],
    [changed('"dist/empty",0', '"dist/empty",null'), DIGEST, /length/],
    [gzipSync(Buffer.alloc(65 * 2 ** 20)), DIGEST, /larger than/],
    [gzipSync("[]\n"), DIGEST, /damaged/],
    [gzipSync("{}\n"), DIGEST, /damaged/],
  ] as const)
    await assert.rejects(installPackage(folder, digest, bytes), pattern);
  assert.deepEqual(unpack(archive), FILES);
});

test("the report of a host, and its reasons against a copy", () => {
  const found = (node: string) =>
    hostReportIn([
      "Welcome",
      `blockcopy is missing; node=${node}; system=Linux x86_64; PATH=/bin:/a b; c=d`,
    ]);
  assert.deepEqual(found("v22.12.0,linux,x64,2.36"), {
    node: "v22.12.0",
    platform: "linux-x64",
    glibc: "2.36",
    system: "Linux x86_64",
    path: "/bin:/a b; c=d",
  });
  assert.equal(hostReportIn(["blockcopy is missing", "else"]), undefined);
  const { platform, arch } = process;
  for (const [node, pattern] of [
    [`v18.17.0,${platform},${arch},2.36`, /^$/],
    ["v20.9.0", /^$/],
    ["v22.0.0", /^$/],
    ["v23.0.0", /^$/],
    ["", /nor a Node/],
    ["v18.16.9", /too old/],
    ["v19.9.0", /too old/],
    ["v20.8.9", /too old/],
    ["v21.7.3,linux,x64,2.36", /too old/],
    ["nonsense", /too old/],
    [`v22.12.0,${platform},mips,2.36`, /is for /],
    [`v22.12.0,${platform},${arch},`, /glibc/],
  ] as const) {
    const there = found(node);
    assert.ok(there);
    assert.match(obstacleOf(there)?.what ?? "", pattern, node);
  }
});
