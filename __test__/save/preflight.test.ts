// Copies that cannot succeed are refused before the first write, and holes stay holes.
import assert from "node:assert/strict";
import {
  chownSync,
  existsSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  EXIT,
  pipeline,
  run,
} from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";
import { allocated, BOOKKEEPING, lackingHoles } from "../support/files/holes.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountTmpfs } from "../support/files/mount.ts";
import { lackingRoot, system } from "../support/programs/tools.ts";
import { dataFrame, DONE } from "../support/wire/frames.ts";

const MIB = 1024 * 1024;
const BLOCK = 128 * 1024;
const OLD = noise("old", MIB);

test("a device of 0 bytes is no source and no destination", { skip: lackingLoop }, async (t) => {
  const folder = scratch(t);
  const [device, file] = [join(folder, "device"), join(folder, "file")];
  // A loop device that no other test attaches anything to: `losetup --find` takes the first free one.
  system("mknod", device, "b", "7", "977");
  writeFileSync(file, OLD);
  for (const [args, stdin] of [
    [["checksum", device], undefined],
    [["retrieve", device], DONE],
    [["save", device], DONE],
    [["sync", "--truncate", device, file], undefined],
    [["sync", "--allow-larger", file, device], undefined],
  ] as const) {
    const outcome = await run(args, stdin === undefined ? {} : { stdin });
    assertFailed(outcome, EXIT.usage, args[0], new RegExp(`${device}: it is a device of 0 bytes`));
    assertSame(readFileSync(file), OLD);
  }
});

test("a file that yields more than it says", { skip: !existsSync("/proc/version") }, async (t) => {
  const file = join(scratch(t), "file");
  writeFileSync(file, OLD);
  for (const args of [
    ["checksum", "/proc/version"],
    ["sync", "--truncate", "/proc/version", file],
  ] as const) {
    assertFailed(
      await run(args),
      EXIT.usage,
      args[0],
      /\/proc\/version: its size is reported as 0/,
    );
  }
  assertSame(readFileSync(file), OLD);
});

test("an empty source empties nothing without --force", async (t) => {
  const folder = scratch(t);
  const [empty, file] = [join(folder, "empty"), join(folder, "file")];
  writeFileSync(empty, "");
  writeFileSync(file, OLD);
  const words = /the source is empty, and --truncate would empty .*file/;
  assertFailed(await run(["sync", "--truncate", empty, file]), EXIT.usage, "sync", words);
  for (const checksum of [[], ["--extended"]]) {
    const { codes, stderr } = await pipeline({
      source: empty,
      destination: file,
      checksum,
      save: ["--truncate"],
    });
    assertFailed({ code: codes[2] ?? null, stderr: stderr[2] ?? "" }, EXIT.usage, "save", words);
  }
  assertSame(readFileSync(file), OLD);
  assertSucceeded(await run(["sync", "--truncate", "--force", empty, file]));
  assert.equal(statSync(file).size, 0);
});

test("a copy that fails before the first write leaves no new file", async (t) => {
  const folder = scratch(t);
  const [empty, missing, file] = ["empty", "missing", "file"].map((name) => join(folder, name));
  assert.ok(empty !== undefined && missing !== undefined && file !== undefined);
  writeFileSync(empty, "");
  writeFileSync(file, OLD);
  const silent = `exec {silent}<> <(:); timeout -s TERM 1`;
  for (const [script, code] of [
    [blockcopy("sync", "--create", missing, join(folder, "new")), EXIT.missing],
    [blockcopy("sync", "--create", "--streams", "2", missing, join(folder, "new")), EXIT.missing],
    [blockcopy("sync", "--create", "--start", "2M", file, join(folder, "new")), EXIT.usage],
    [`true | ${blockcopy("save", "--create", join(folder, "new"))}`, EXIT.protocol],
    [`echo text | ${blockcopy("save", "--create", join(folder, "new"))}`, EXIT.protocol],
    [`${silent} ${blockcopy("save", "--create", join(folder, "new"))} <&$silent`, 124],
    [
      `${silent} ${blockcopy("receive", "--create", join(folder, "new"))} <&$silent | cat; exit "\${PIPESTATUS[0]}"`,
      124,
    ],
  ] as const) {
    const outcome = await bash(script);
    assert.equal(outcome.code, code, `${script}: ${outcome.stderr}`);
    assert.ok(!existsSync(join(folder, "new")), script);
  }
  // A file that was there, and one that is complete, stay.
  const outcome = await bash(`true | ${blockcopy("save", "--create", empty)}`);
  assert.equal(outcome.code, EXIT.protocol);
  assert.ok(existsSync(empty));
  assertSucceeded(await run(["sync", "--create", empty, join(folder, "new")]));
  assert.equal(statSync(join(folder, "new")).size, 0);
});

test("a new file that another stream of a failed copy has open is removed too", async (t) => {
  const folder = scratch(t);
  const file = join(folder, "new");
  const part = (number: number, ...options: string[]): string =>
    blockcopy("receive", `--part=${number}/2`, ...options, file);
  const outcome = await bash(`
    cd ${folder}; mkfifo to-first to-second
    ${part(1, "--hold", "--create")} < to-first > first & first=$!
    exec 3> to-first
    until [ -s first ] || ! kill -0 $first; do sleep 0.1; done
    ${part(2, "--force")} < to-second > second 3>&- & second=$!
    exec 4> to-second
    until [ -s second ] || ! kill -0 $second; do sleep 0.1; done
    exec 3>&-; wait $first; echo first $?
    [ -e ${file} ] && echo there
    exec 4>&-; wait $second; echo second $?`);
  assert.equal(
    outcome.stdout.toString(),
    `first ${EXIT.protocol}\nsecond ${EXIT.protocol}\n`,
    outcome.stderr,
  );
});

test(
  "owner, group, mode and times that may not be set",
  { skip: lackingRoot("setpriv") },
  async (t) => {
    const folder = scratch(t);
    const [source, file, fresh] = [
      join(folder, "source"),
      join(folder, "file"),
      join(folder, "new"),
    ];
    writeFileSync(source, noise("source", MIB));
    const prefix = ["setpriv", "--bounding-set", "-chown,-fowner", "--inh-caps", "-all"];
    for (const [option, sourceOwner, owner, what] of [
      ["-o", [1234, 0], [0, 0], "owner"],
      ["-g", [0, 1234], [0, 0], "group"],
      ["-p", [0, 0], [1234, 0], "mode"],
      ["-t", [0, 0], [1234, 0], "times"],
      ["-g", [0, 1234], [0, 1234], undefined],
      ["-p", [1234, 0], [0, 0], undefined],
    ] as const) {
      writeFileSync(file, OLD);
      chownSync(source, sourceOwner[0], sourceOwner[1]);
      chownSync(file, owner[0], owner[1]);
      const outcome = await run(["sync", option, source, file], { prefix });
      if (what === undefined) {
        assertSucceeded(outcome);
        continue;
      }
      const words = new RegExp(`cannot set the ${what} of .*file: .*; nothing was written; `);
      assertFailed(outcome, EXIT.permission, "sync", words);
      assertSame(readFileSync(file), OLD);
    }
    chownSync(source, 1234, 0);
    const made = await run(["sync", "--create", "-o", source, fresh], { prefix });
    assertFailed(made, EXIT.permission, "sync", /set the owner of/);
    assert.ok(!existsSync(fresh));
  },
);

test("a device that is too small is not touched", { skip: lackingLoop }, async (t) => {
  const folder = scratch(t);
  const source = join(folder, "source");
  writeFileSync(source, noise("source", 4 * MIB));
  // Of two parts, the first one has 1 MiB of it at least.
  const old = noise("device", 2 * MIB);
  const loop = loopWith(t, folder, old);
  for (const args of [
    ["--create"],
    ["--start", "512K"],
    ["--digest", "sha3-512", "--truncate"],
    ["--streams", "2", "--truncate"],
    ["--streams", "2", "--start", "512K"],
  ]) {
    const outcome = await run(["sync", ...args, source, loop.path]);
    assertFailed(outcome, EXIT.usage, "sync", /has 4194304 bytes/);
    assertSame(deviceContent(loop), old, args.join(" "));
  }
});

test(
  "a limit on the size of files, and room, are looked at first",
  { skip: lackingRoot("mount") },
  async (t) => {
    const folder = scratch(t);
    const source = join(folder, "source");
    writeFileSync(source, noise("source", 4 * MIB));
    const file = join(folder, "file");
    const old = noise("file", 2 * MIB);
    writeFileSync(file, old);
    for (const args of [["--truncate"], ["--streams", "2", "--start", "512K"]]) {
      const limited = await bash(`ulimit -f 2048; ${blockcopy("sync", ...args, source, file)}`);
      assertFailed(limited, EXIT.io, "sync", /4194304 bytes long: the limit .* is 2097152 bytes/);
      assertSame(readFileSync(file), old, args.join(" "));
    }

    const small = mountTmpfs(t, folder, 2 * MIB);
    const hollow = join(small, "hollow");
    writeFileSync(hollow, "");
    truncateSync(hollow, 4 * MIB);
    for (const [args, name] of [
      [["--create"], "new"],
      [[], "hollow"],
      [["--streams", "2"], "hollow"],
      [["--streams", "2", "--create"], "new"],
    ] as const) {
      const outcome = await run(["sync", ...args, source, join(small, name)]);
      assertFailed(outcome, EXIT.io, "sync", /4194304 more bytes are needed and \d+ are free/);
      assert.equal(allocated(hollow), 0);
      assert.ok(!existsSync(join(small, "new")), args.join(" "));
    }
    // Holes take no room.
    const sparse = join(folder, "sparse");
    writeFileSync(sparse, OLD.subarray(0, 4096));
    truncateSync(sparse, 64 * MIB);
    assertSucceeded(await run(["sync", "--create", sparse, join(small, "copy")]));
  },
);

test(
  "a new file, or a new end, keeps the holes of its source",
  { skip: lackingHoles() },
  async (t) => {
    const folder = scratch(t);
    const source = join(folder, "source");
    writeFileSync(source, OLD.subarray(0, 4096));
    truncateSync(source, 40 * MIB);
    let count = 0;
    const check = (path: string, kept = BLOCK): void => {
      assertSame(readFileSync(path), readFileSync(source));
      assert.ok(allocated(path) <= kept + BOOKKEEPING, `${allocated(path)} bytes`);
    };
    const fresh = (): string => join(folder, `copy-${(count += 1)}`);
    for (const args of [
      ["--create", "--verify", "full", "-t"],
      ["--create", "--streams", "2"],
    ]) {
      const copy = fresh();
      assertSucceeded(await run(["sync", ...args, source, copy]));
      check(copy);
      if (args.includes("-t")) assert.equal(statSync(copy).mtimeMs, statSync(source).mtimeMs);
    }
    const grown = fresh();
    writeFileSync(grown, OLD);
    assertSucceeded(await run(["sync", "--truncate", source, grown]));
    // A run of zeros that begins before the old end is written, as long as it is: 16 MiB at most.
    check(grown, 17 * MIB);
    for (const checksum of [[], ["--extended"]]) {
      const copy = fresh();
      writeFileSync(copy, "");
      const outcome = await pipeline({ source, destination: copy, checksum });
      assert.deepEqual(outcome.codes, [0, 0, 0], outcome.stderr.join(""));
      check(copy);
    }
    // Zeros over what was written before, also by the same stream, are zeros.
    const over = fresh();
    writeFileSync(over, "");
    const stream = [dataFrame(0, OLD.subarray(0, 8192)), dataFrame(4096, Buffer.alloc(8192)), DONE];
    assertSucceeded(await run(["save", over], { stdin: Buffer.concat(stream) }));
    assertSame(readFileSync(over), Buffer.concat([OLD.subarray(0, 4096), Buffer.alloc(8192)]));
  },
);
