// Messages in unusual places: help that cannot be shown, and advice that fits.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { adviceOnSystem } from "../../src/errors/system-advice.ts";
import { assertFailed, bash, blockcopy, EXIT, lastLine, run } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { attach, lackingLoop } from "../support/files/loop.ts";
import { pair } from "../support/programs/sync-pair.ts";
import { lackingRoot, lackingTrace, system } from "../support/programs/tools.ts";
import { DONE } from "../support/wire/frames.ts";

const WRITES = "pwrite64,pwritev,pwritev2,write,writev";

test("help whose reader has gone, or that cannot be written, has its exit code", async () => {
  const gone = await bash(`sleep 1 | ${blockcopy("--help")} | true; exit "\${PIPESTATUS[1]}"`);
  assert.ok(gone.code === EXIT.readerGone || gone.code === EXIT.ok, gone.stderr);
  const full = await bash(`${blockcopy("--version")} > /dev/full`);
  assert.equal(full.code, EXIT.io);
  assert.match(lastLine(full.stderr), /^ERROR \(blockcopy\): .*ENOSPC/);
});

test("the result of a dry run and of a comparison has one name", async (t) => {
  const { from, to } = pair(t);
  for (const args of [
    ["sync", "-n", from, to],
    ["compare", from, to],
    ["sync", "-n", from, to, `${to}2`, "--create"],
  ])
    for (const [output, why] of [
      ["> /dev/full", /writing the result failed after 0 bytes: no space/],
      [">&-", /writing the result to standard output failed after 0 bytes: bad file/],
    ] as const)
      assertFailed(await bash(`${blockcopy(...args)} ${output}`), EXIT.io, args[0] ?? "", why);
});

test("a missing file: advice that fits the stage", async () => {
  const advice: [args: string[], expected: RegExp, unexpected: RegExp][] = [
    [["retrieve", "/missing"], /check the name$/, /truncate|create/],
    [["save", "/missing"], /--create creates/, /lsblk/],
    [["sync", "/missing", "/copy"], /check the name$/, /truncate|create/],
    [["sync", process.execPath, "/missing"], /check the name; --create creates/, /lsblk/],
    [["compare", process.execPath, "[ nbdkit null ]"], /each bracket as a word/, /truncate|create/],
    [["checksum", "/dev/nowhere"], /lsblk/, /truncate|create/],
    [["save", "/dev/vg/nowhere"], /lvchange -ay/, /truncate|create|folder/],
  ];
  for (const [args, expected, unexpected] of advice) {
    const { code, stderr } = await run(args, { stdin: DONE });
    assert.equal(code, EXIT.missing);
    assert.match(lastLine(stderr), expected);
    assert.doesNotMatch(stderr, unexpected);
  }
});

test("a destination that --create cannot make: the first thing that is wrong", async (t) => {
  const folder = scratch(t);
  const from = join(folder, "source");
  writeFileSync(from, "source");
  symlinkSync("nowhere", join(folder, "dangling"));
  symlinkSync("circle", join(folder, "circle"));
  const names: [name: string, expected: RegExp][] = [
    ["dangling", /dangling is a link to nowhere, which does not exist/],
    ["new/", /leave out the slash at its end/],
    ["source/", /leave out the slash at its end/],
    ["source/new", /source is not a folder/],
    ["missing/new", /the folder \S+\/missing does not exist/],
    ["circle", /lead in a circle/],
    ["x".repeat(256), /give a shorter name/],
  ];
  for (const [name, expected] of names)
    for (const args of [
      ["sync", from, `${folder}/${name}`],
      ["save", `${folder}/${name}`],
    ]) {
      const outcome = await run([...args, "--create"], { stdin: DONE });
      assertFailed(outcome, EXIT.missing, args[0] ?? "", expected);
      assert.doesNotMatch(outcome.stderr, /--create|dmesg/);
      assert.deepEqual(readdirSync(folder).toSorted(), ["circle", "dangling", "source"]);
    }
});

test(
  "a file that a flag protects from root too",
  { skip: lackingRoot("chattr", "lsattr") },
  async (t) => {
    const folder = scratch(t);
    const [from, to] = [join(folder, "source"), join(folder, "destination")];
    writeFileSync(from, "source");
    for (const [flag, words] of [
      ["i", /destination: it is immutable \(chattr \+i\); .*lsattr/],
      ["a", /destination: it is append-only \(chattr \+a\); .*lsattr/],
    ] as const) {
      writeFileSync(to, "others");
      if (spawnSync("chattr", [`+${flag}`, to]).status !== 0) {
        t.skip("this file system has no flags");
        return;
      }
      try {
        assertFailed(await run(["sync", from, to]), EXIT.permission, "sync", words);
      } finally {
        system("chattr", `-${flag}`, to);
      }
    }
    system("chattr", "+i", folder);
    try {
      const outcome = await run(["sync", "--create", from, join(folder, "new")]);
      assertFailed(outcome, EXIT.permission, "sync", /it is immutable/);
    } finally {
      system("chattr", "-i", folder);
    }
  },
);

test("each failure of the system has advice that one can act on", async (t) => {
  const file = join(scratch(t), "file");
  writeFileSync(file, "content");
  const expected: [name: keyof typeof constants.errno | number, advice: RegExp][] = [
    ["ENOSPC", /^free space on its file system .*; a new run copies only/],
    ["EDQUOT", /^raise the quota/],
    ["EFBIG", /ulimit -f/],
    ["EROFS", /fsck/],
    [117, /file system is damaged/],
    ["EBADMSG", /file system is damaged/],
    ["ESTALE", /NFS/],
    ["ETXTBSY", /being executed/],
    ["EIO", /smartctl/],
    ["ENODATA", /cannot read a sector/],
    ["EILSEQ", /checksum/],
    [121, /smartctl/],
    ["ENODEV", /connection/],
    ["ENXIO", /connection/],
    [123, /medium/],
    ["EBUSY", /lsblk/],
    [52, /reserved/],
    ["ETIMEDOUT", /multipath/],
    ["ENOLINK", /multipath/],
    ["EMFILE", /ulimit -n/],
    ["ENFILE", /file-max/],
    ["ENOMEM", /memory/],
    ["EAGAIN", /run again/],
    ["EPERM", /root/],
    ["EACCES", /root/],
    ["EOPNOTSUPP", /another one/],
  ];
  for (const [name, advice] of expected) {
    const errno = typeof name === "number" ? name : constants.errno[name];
    const words = adviceOnSystem({ path: file, role: "destination", errno, writes: true });
    assert.match(words, advice, String(name));
  }
  const unknown = { path: file, role: "source", errno: 9999, writes: false } as const;
  assert.match(adviceOnSystem(unknown), /dmesg/);
});

for (const [what, calls, error, expected] of [
  [
    "a thin volume whose pool is full",
    WRITES,
    "ENOSPC",
    /its pool is full: extend that .*lvextend/,
  ],
  ["a sync to a pool that is full", "fdatasync", "ENOSPC", /extend that .* from the beginning/],
  ["a device that cannot be written", WRITES, "EIO", /smartctl.* thin volume/],
  ["a bad sector", "pread64,preadv,preadv2", "ENODATA", /ddrescue/],
] as const)
  test(`${what}: advice for devices`, { skip: lackingTrace() || lackingLoop }, async (t) => {
    const folder = scratch(t);
    const image = join(folder, "image");
    writeFileSync(image, Buffer.alloc(BLOCK));
    const { path } = attach(t, image);
    const other = join(folder, "other");
    writeFileSync(other, noise("other", BLOCK));
    const bad = error === "ENODATA";
    const strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", path];
    const prefix = [...strace, "-e", `trace=${calls}`, "-e", `inject=${calls}:error=${error}`];
    const ends = bad ? [path, other] : [other, path];
    const outcome = await run(["sync", "--direct", "off", ...ends], { prefix });
    assertFailed(outcome, EXIT.io, "sync", expected);
    assert.doesNotMatch(outcome.stderr, /room on its file system/);
  });

test("a current folder that has been removed", async (t) => {
  const folder = scratch(t);
  for (const [args, code] of [
    [["sync", "/missing/one", "/missing/two"], EXIT.missing],
    [["sync", "one", "two"], undefined],
    [["save", "one"], undefined],
  ] as const) {
    const gone = `mkdir ${folder}/gone; cd ${folder}/gone; rmdir ${folder}/gone`;
    const outcome = await bash(`${gone}; exec ${blockcopy(...args)}`);
    assert.ok(code === undefined || outcome.code === code, outcome.stderr);
    assert.notEqual(outcome.code, EXIT.internal, outcome.stderr);
    assert.match(
      lastLine(outcome.stderr),
      code === undefined ? /current folder/ : /check the name/,
    );
    assert.doesNotMatch(outcome.stderr, /please report|^\s+at /m);
  }
  writeFileSync(join(folder, "from"), "content");
  writeFileSync(join(folder, "to"), "another");
  const gone = `mkdir ${folder}/gone; cd ${folder}/gone; rmdir ${folder}/gone`;
  const copy = blockcopy("sync", "-q", join(folder, "from"), join(folder, "to"));
  assert.equal((await bash(`${gone}; exec ${copy}`)).code, EXIT.ok);
});
