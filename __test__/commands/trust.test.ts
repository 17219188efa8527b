// Files and folders that others may change: a digest cache, a range map, and a kept package. Also names of the greatest length.
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  constants,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { promises } from "../../src/native/files.ts";
import { replaceText } from "../../src/transport/files/small-file.ts";
import { distrustOfFile } from "../../src/transport/files/trust.ts";
import { pack, sha256, DIGESTS, digestsOf, type Files } from "../../src/sync/bootstrap/archive.ts";
import { installPackage } from "../../src/sync/bootstrap/install-package.ts";
import { runLine } from "../../src/sync/connection/host-lines.ts";
import { spawnSync } from "node:child_process";
import {
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  EXIT,
  run,
} from "../support/programs/cli.ts";
import { scratch } from "../support/files/files.ts";
import { pair } from "../support/programs/sync-pair.ts";
import { lackingRoot, system } from "../support/programs/tools.ts";

/** Ways to let another user change the content of the second of two folders. */
const CHANGES: [what: string, change: (outer: string, inner: string) => void, root?: boolean][] = [
  ["the group may write to its folder", (_, inner) => chmodSync(inner, 0o770)],
  ["all may write to a folder above", (outer) => chmodSync(outer, 0o707)],
  ["its folder is another user's", (_, inner) => chownSync(inner, 12_345, 0), true],
  ["a folder above is another user's", (outer) => chownSync(outer, 12_345, 0), true],
  [
    "its folder is a link to where all may write",
    (outer, inner) => {
      const open = join(outer, "open");
      mkdirSync(open);
      renameSync(inner, join(open, "inner"));
      chmodSync(open, 0o777);
      symlinkSync(join(open, "inner"), inner);
    },
  ],
];

function folders(t: TestContext): [outer: string, inner: string] {
  const outer = scratch(t);
  const inner = join(outer, "inner");
  mkdirSync(inner, { mode: 0o755 });
  return [outer, inner];
}

/** The same, where the second has a file of this name. */
const NAME = "kept";
const CHANGES_OF_FILE: typeof CHANGES = [
  ...CHANGES,
  [
    "its folder is a link to another link, which lies where all may write",
    (outer, inner) => {
      const [open, moved] = [join(outer, "open"), join(outer, "moved")];
      mkdirSync(open);
      renameSync(inner, moved);
      symlinkSync("../moved", join(open, "link"));
      chmodSync(open, 0o777);
      symlinkSync(join(open, "link"), inner);
    },
  ],
  ["all may write to it", (_, inner) => chmodSync(join(inner, NAME), 0o666)],
  ["it is another user's", (_, inner) => chownSync(join(inner, NAME), 12_345, 0), true],
];

for (const [what, change, root] of CHANGES_OF_FILE)
  test(`a file is not trusted: ${what}`, { skip: root === true && lackingRoot() }, async (t) => {
    const [outer, inner] = folders(t);
    const path = join(inner, NAME);
    writeFileSync(path, "", { mode: 0o644 });
    const file = await promises.open(path, constants.O_RDONLY);
    try {
      assert.equal(await distrustOfFile(file, path), undefined);
      change(outer, inner);
      const distrust = await distrustOfFile(file, path);
      assert.match(distrust?.what ?? "", /mode 0/);
      assert.match(distrust?.advice ?? "", /chmod|chown/);
    } finally {
      await file.close();
    }
  });

// A folder above, and the file itself.
for (const [what, change] of [CHANGES[1], CHANGES_OF_FILE[6]].filter((each) => each !== undefined))
  test(`a range map: ${what}`, async (t) => {
    const { from, to } = pair(t);
    const [outer, inner] = folders(t);
    const map = join(inner, NAME);
    writeFileSync(map, "0 128K\n", { mode: 0o644 });
    const sync = ["sync", "-q", "--ranges", map, from, to];
    assert.equal((await run(sync)).code, 0);
    const before = readFileSync(to);
    change(outer, inner);
    for (const args of [sync, ["checksum", "--ranges", map, to]]) {
      const why = /the range map cannot be trusted: .*mode 0/;
      assertFailed(await run(args), EXIT.permission, args[0] ?? "", why, /chmod|chown/);
    }
    assert.ok(readFileSync(to).equals(before));
  });

test("a range map in a pipe or standard input is of those who have made it", async (t) => {
  const { to } = pair(t);
  const [, inner] = folders(t);
  const map = join(inner, NAME);
  writeFileSync(map, "0 128K\n");
  chmodSync(map, 0o666);
  const pipes = `${blockcopy("checksum", to, "--ranges")} <(cat ${map})`;
  assertSucceeded(await bash(`${pipes} && ${blockcopy("checksum", to, "--ranges", "-")} < ${map}`));
});

/** The kernel itself may refuse to follow such links. */
const protectedLinks = (): string | false =>
  readFileSync("/proc/sys/fs/protected_symlinks", "latin1").startsWith("1") &&
  "fs.protected_symlinks is set";

test(
  "a range map at a link that another user can replace, in a sticky folder",
  { skip: lackingRoot() || protectedLinks() },
  async (t) => {
    const { to } = pair(t);
    const [outer, inner] = folders(t);
    const link = join(inner, "link");
    writeFileSync(join(outer, NAME), "0 128K\n", { mode: 0o644 });
    symlinkSync(join(outer, NAME), link);
    lchownSync(link, 12_345, 0);
    const args = ["checksum", "--ranges", link, to];
    assert.equal((await run(args)).code, 0);
    chmodSync(inner, 0o1777);
    const why = /the range map cannot be trusted: the link .* belongs to another user \(12345\)/;
    assertFailed(await run(args), EXIT.permission, "checksum", why, /give the real name/);
  },
);

test("a pipe of another user is not waited for", { skip: lackingRoot("mkfifo") }, async (t) => {
  const { from, to, folder } = pair(t);
  chmodSync(folder, 0o1777);
  const pipe = join(folder, "pipe");
  system("mkfifo", pipe);
  const written = `sleep 0.3; echo "0 128K" > ${pipe}`;
  assertSucceeded(await bash(`(${written}) & ${blockcopy("checksum", "--ranges", pipe, to)}`));
  chownSync(pipe, 12_345, 0);
  for (const args of [
    ["checksum", "--ranges", pipe, to],
    ["sync", "--ranges", pipe, from, to],
    ["sync", "--destinations", pipe, from],
  ]) {
    const why = /cannot be trusted: .*pipe belongs to another user \(12345, /;
    assertFailed(await run(args), EXIT.permission, args[0] ?? "", why, /chown/);
  }
});

for (const [what, change] of [CHANGES[1], CHANGES_OF_FILE[6]].filter((each) => each !== undefined))
  test(`a digest cache: ${what}`, async (t) => {
    const { from, to } = pair(t);
    const [outer, inner] = folders(t);
    const cache = join(inner, NAME);
    const args = ["sync", "-q", "--digest-cache", cache, from, to];
    assert.equal((await run(args)).code, 0);
    change(outer, inner);
    const outcome = await run(args);
    assertFailed(
      outcome,
      EXIT.permission,
      "sync",
      /cache cannot be trusted: .*mode 0/,
      /chmod|chown/,
    );
    const checksum = await run(["checksum", "--extended", "--cached", cache, to]);
    assertFailed(checksum, EXIT.permission, "checksum", /cannot be trusted/);
  });

test("a sticky folder such as /tmp guards what is in it", async (t) => {
  const { from, to } = pair(t);
  const [, inner] = folders(t);
  chmodSync(inner, 0o1777);
  for (let night = 0; night < 2; night += 1)
    assert.equal(
      (await run(["sync", "-q", "--digest-cache", join(inner, "cache"), from, to])).code,
      0,
    );
});

const FILES: Files = (() => {
  const files = new Map<string, Uint8Array>([
    ["dist/cli/blockcopy", Buffer.from("echo it runs\n")],
    ["dist/cli/main.js", Buffer.from("")],
  ]);
  return files.set(DIGESTS, digestsOf(files));
})();
const DIGEST = sha256(FILES.get(DIGESTS) ?? Buffer.alloc(0));
const KEPT = { name: "1.2.3-0123", digest: DIGEST };

for (const [what, change, root] of CHANGES)
  test(`a kept package: ${what}`, { skip: root === true && lackingRoot() }, async (t) => {
    const [outer, inner] = folders(t);
    const folder = join(inner, "blockcopy", KEPT.name);
    await installPackage(folder, DIGEST, pack(FILES));
    const there = () =>
      spawnSync(
        "sh",
        ["-c", runLine({ package: KEPT, singles: [] }, { sudo: false }), "blockcopy"],
        {
          encoding: "utf8",
          env: {
            PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
            HOME: "/nowhere",
            XDG_CACHE_HOME: inner,
          },
        },
      );
    assert.deepEqual([there().status, there().stdout], [0, "it runs\n"]);
    change(outer, inner);
    assert.equal(there().status, 127);
    await assert.rejects(installPackage(folder, DIGEST, pack(FILES)), /chmod|chown/);
  });

test("names as long as can be", async (t) => {
  for (const length of [214, 215, 255]) {
    const { folder, from, to } = pair(t);
    const name = (letter: string, ending = "") => letter.repeat(length - ending.length) + ending;
    const kept = {
      "--digest-cache": name("c"),
      "--metrics": name("m"),
      "--map-file": name("s", ".svg"),
    };
    const words = Object.entries(kept).flatMap(([option, file]) => [option, join(folder, file)]);
    // The second run reads and replaces what the first one has written.
    for (let night = 0; night < (length > 215 ? 2 : 1); night += 1) {
      const { code, stderr } = await run(["sync", "-q", ...words, from, to]);
      assert.deepEqual([code, stderr], [0, ""], String(length));
    }
    const names = ["destination", "source", ...Object.values(kept)];
    assert.deepEqual(readdirSync(folder).toSorted(), names.toSorted());
  }
  const { folder, from, to } = pair(t);
  const outcome = await run(["sync", "--digest-cache", join(folder, "x".repeat(256)), from, to]);
  assert.ok(outcome.code !== EXIT.internal && outcome.code !== EXIT.ok, outcome.stderr);
});

test("metrics and maps are readable whatever the umask is, or as what they replace was", async (t) => {
  const { folder, from, to } = pair(t);
  const [metrics, map] = [join(folder, "metrics"), join(folder, "map.svg")];
  writeFileSync(map, "", { mode: 0o600 });
  const command = `umask 077; ${blockcopy("sync", "--metrics", metrics, "--map-file", map, from, to)}`;
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
  assert.equal((await bash(command)).code, 0);
  assert.deepEqual([mode(metrics), mode(map)], ["644", "644"]);
  chmodSync(metrics, 0o640);
  assert.equal((await bash(`${command} -q`)).code, 0);
  assert.equal(mode(metrics), "640");
});

test(
  "others may not write to what replaces a file of another user",
  { skip: lackingRoot() },
  (t) => {
    const file = join(scratch(t), "metrics");
    for (const [before, after] of [
      [0o666, 0o644],
      [0o620, 0o600],
    ] as const) {
      writeFileSync(file, "# metrics\n");
      chmodSync(file, before);
      chownSync(file, 12_345, 0);
      assert.equal(replaceText(file, "# metrics 2\n", "# metrics"), undefined);
      const { mode, uid } = statSync(file);
      assert.deepEqual([mode & 0o7777, uid], [after, 0]);
    }
  },
);
