// Files that are not there, are something else or may not be used; disks that fill up and fail.
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defer } from "../support/cleanup.ts";
import {
  assertFailed,
  assertSucceeded,
  bash,
  COMMAND,
  EXIT,
  quote,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { cutBacking, lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountTmpfs } from "../support/files/mount.ts";
import { isRoot, lacking, lackingRoot, lackingTrace, system } from "../support/programs/tools.ts";
import { dataFrame, decodeBlocks, DONE, restFrame } from "../support/wire/frames.ts";

const STAGES = ["checksum", "retrieve", "save"] as const;
const INPUT = {
  checksum: Buffer.alloc(0),
  retrieve: Buffer.concat([restFrame(0), DONE]),
  save: Buffer.concat([dataFrame(0, noise("in", 100)), DONE]),
};

for (const stage of STAGES) {
  const stdin = INPUT[stage];

  test(`${stage}: a file that does not exist is not created`, async (t) => {
    const folder = scratch(t);
    symlinkSync(join(folder, "nowhere"), join(folder, "dangling"));
    for (const path of [
      join(folder, "missing"),
      join(folder, "no-folder/missing"),
      join(folder, "dangling"),
    ]) {
      const outcome = await run([stage, path], { stdin });
      assertFailed(outcome, EXIT.missing, stage, new RegExp(path));
      assert.equal(outcome.stdout.length, 0);
      assert.ok(!existsSync(path));
    }
  });

  // A device name with a typing error must not become a file that fills the memory of the host.
  test(
    `${stage}: a device that does not exist is not created`,
    { skip: lackingRoot() },
    async (t) => {
      const path = `/dev/blockcopy-test-${process.pid}`;
      defer(t, () => system("rm", "-f", path));
      assertFailed(await run([stage, path], { stdin }), EXIT.missing, stage, new RegExp(path));
      assert.ok(!existsSync(path));
    },
  );

  test(`${stage}: neither file nor block device`, async (t) => {
    const folder = scratch(t);
    const [directory, fifo] = [join(folder, "directory"), join(folder, "fifo")];
    mkdirSync(directory);
    system("mkfifo", fifo);
    for (const path of [directory, fifo, "/dev/null", "/dev/zero"]) {
      const outcome = await run([stage, path], { stdin });
      assertFailed(outcome, EXIT.usage, stage, new RegExp(path));
      assert.equal(outcome.stdout.length, 0);
    }
  });

  test(
    `${stage}: a file that may not be opened`,
    { skip: isRoot ? lacking("setpriv") : false },
    async (t) => {
      const path = join(scratch(t), "secret");
      writeFileSync(path, "content");
      chmodSync(path, 0);
      // Root without its capability to pass over permissions is bound by them like any other user.
      if (isRoot) chownSync(path, 65_534, 65_534);
      const prefix = isRoot
        ? ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]
        : [];
      assertFailed(
        await run([stage, path], { stdin, prefix }),
        EXIT.permission,
        stage,
        new RegExp(path),
      );
      chmodSync(path, 0o600);
      assert.equal(readFileSync(path, "utf8"), "content");
    },
  );
}

test(
  "save: a file that may be read but not written",
  { skip: isRoot ? lacking("setpriv") : false },
  async (t) => {
    const path = join(scratch(t), "read-only");
    writeFileSync(path, "content");
    chmodSync(path, 0o444);
    const prefix = isRoot
      ? ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]
      : [];
    assertFailed(
      await run(["save", path], { stdin: INPUT.save, prefix }),
      EXIT.permission,
      "save",
      new RegExp(path),
    );
    assert.equal(readFileSync(path, "utf8"), "content");
  },
);

const blocks = Buffer.concat([
  ...Array.from({ length: 16 }, (_, i) => dataFrame(i * BLOCK, noise(i, BLOCK))),
  DONE,
]);

/** The offset that a message names for `path`. */
function offsetIn(stderr: string): number {
  const found = /(?:offset|byte|at) (\d+)/.exec(stderr);
  assert.ok(found, `no offset in ${stderr}`);
  return Number(found[1]);
}

test("save: the filesystem is full", { skip: lackingRoot("mount", "umount") }, async (t) => {
  const folder = scratch(t);
  const size = 8 * BLOCK;
  const path = join(mountTmpfs(t, folder, size), "file");
  writeFileSync(path, "");
  const outcome = await run(["save", path], { stdin: blocks });
  assertFailed(outcome, EXIT.io, "save", /No space left on device|ENOSPC/, new RegExp(path));
  assert.ok(offsetIn(outcome.stderr) <= size);
  assert.ok(statSync(path).size <= size);
});

test("save: the file may not grow so large", { skip: lacking("prlimit") }, async (t) => {
  const path = join(scratch(t), "file");
  writeFileSync(path, "");
  const limit = 4 * BLOCK;
  const outcome = await run(["save", path], {
    stdin: blocks,
    prefix: ["prlimit", `--fsize=${limit}`],
  });
  assertFailed(outcome, EXIT.io, "save", /File too large|EFBIG/, new RegExp(path));
  assert.ok(offsetIn(outcome.stderr) <= limit);
  assert.ok(statSync(path).size <= limit);
});

for (const directIo of [false, true]) {
  const title = directIo ? "a device that reads its file directly" : "a device";
  test(
    `checksum and retrieve name the offset where ${title} cannot be read`,
    { skip: lackingLoop },
    async (t) => {
      const good = 21 * BLOCK;
      const loop = loopWith(t, scratch(t), noise("dying", 64 * BLOCK), { directIo });
      cutBacking(loop, good);
      const checksum = await run(["checksum", loop.path]);
      assertFailed(
        checksum,
        EXIT.io,
        "checksum",
        new RegExp(`\\b${good}\\b`),
        new RegExp(loop.path),
        /Input\/output error|EIO/,
      );
      assert.ok(!checksum.stdout.subarray(-4).equals(DONE), "done after an error");
      const retrieve = await run(["retrieve", loop.path], { stdin: INPUT.retrieve });
      assertFailed(
        retrieve,
        EXIT.io,
        "retrieve",
        new RegExp(`\\b${good}\\b`),
        new RegExp(loop.path),
        /Input\/output error|EIO/,
      );
      assert.equal(decodeBlocks(retrieve.stdout).done, false);
    },
  );
}

for (const call of ["fdatasync", "pwrite64"] as const) {
  test(`save: ${call} fails`, { skip: lackingTrace() }, async (t) => {
    const folder = scratch(t);
    const path = join(folder, "destination");
    writeFileSync(path, noise("before", 4 * BLOCK));
    // Whichever call of the family the program uses, on this file only.
    const family =
      call === "fdatasync" ? "fdatasync,fsync" : "pwrite64,pwritev,pwritev2,write,writev";
    const prefix = [
      "strace",
      "-f",
      "-qq",
      "-o",
      join(folder, "trace"),
      "-P",
      path,
      "-e",
      `inject=${family}:error=EIO`,
    ];
    const outcome = await run(["save", path], { stdin: blocks, prefix });
    assertFailed(outcome, EXIT.io, "save", /Input\/output error|EIO/, new RegExp(path));
    assert.match(readFileSync(join(folder, "trace"), "utf8"), /INJECTED/);
  });
}

test("save syncs before it says that all is well", { skip: lackingTrace() }, async (t) => {
  const folder = scratch(t);
  const path = join(folder, "destination");
  writeFileSync(path, "");
  const trace = join(folder, "trace");
  const prefix = [
    "strace",
    "-f",
    "-qq",
    "-o",
    trace,
    "-P",
    path,
    "-e",
    "trace=fdatasync,fsync,pwrite64,pwritev,pwritev2,write,writev",
  ];
  assertSucceeded(await run(["save", path], { stdin: blocks, prefix }));
  const calls = readFileSync(trace, "utf8")
    .trimEnd()
    .split("\n")
    .filter((line) => / = \d+$/.test(line));
  assert.match(
    calls.at(-1) ?? "",
    /(fdatasync|fsync)\(.*\) += 0$|<\.\.\. (fdatasync|fsync) resumed>.* = 0$/,
  );
});

test("checksum: closing its output fails", { skip: lackingTrace() }, async (t) => {
  const folder = scratch(t);
  const path = join(folder, "file");
  const hashes = join(folder, "hashes");
  writeFileSync(path, "content");
  writeFileSync(hashes, "");
  // Some file systems report only then that they had no room.
  const fault = ["-P", hashes, "-e", "inject=close:error=ENOSPC"];
  const strace = ["strace", "-f", "-qq", "-o", join(folder, "trace"), ...fault];
  const command = quote([...strace, ...COMMAND, "checksum", path]);
  const outcome = await bash(`${command} > ${quote([hashes])}`);
  assertFailed(outcome, EXIT.io, "checksum", /closing the hash stream/, /ENOSPC/);
});
