// Disks, memory and streams that change, fill up or slow down while a copy runs.
import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { defer, onceFree } from "../support/cleanup.ts";
import { assertSame, bytesAt } from "../support/files/bytes.ts";
import { noise, scratch } from "../support/files/files.ts";
import { attach, lackingLoop, loopWith, type Loop } from "../support/files/loop.ts";
import { mountEmptyExt4 } from "../support/files/mount.ts";
import {
  assertFailed,
  bash,
  blockcopy,
  COMMAND,
  EXIT,
  pipeline,
  quote,
  run,
  withoutSummary,
} from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { lackingRoot, lackingTrace, system } from "../support/programs/tools.ts";

const MIB = 2 ** 20;
const SIZE = 24 * MIB;
const NEW = noise("new", SIZE);
const OLD = noise("old", SIZE);
const ZEROS = Buffer.alloc(SIZE);

/** Both sides of a copy that is under way. */
interface Sides {
  source: string;
  destination: string;
  /** The loop devices under them, if they are devices. */
  loops: { source?: Loop; destination?: Loop };
}

/** Changes a side in the middle of a copy. */
interface Change {
  what: string;
  device?: "source" | "destination";
  act: (sides: Sides) => void;
  code: number;
  message?: RegExp;
  /** The copy may also succeed, if what was cut off is written again. */
  orSucceeds?: boolean;
}

/** The first page of a file or device. */
const startOf = (path: string): Buffer => bytesAt(path, 0, 4096);

/** Cuts the file of a device, or lengthens it, and tells the kernel. */
function resize(loop: Loop | undefined, size: number): void {
  assert.ok(loop);
  truncateSync(loop.backing, size);
  system("losetup", "--set-capacity", loop.path);
}

const CHANGES: Change[] = [
  {
    what: "the source is cut off",
    act: ({ source }) => truncateSync(source, 20 * MIB),
    code: EXIT.io,
    message: /became shorter while it was read.*20971520; .*snapshot/,
  },
  {
    what: "the source grows",
    act: ({ source }) => appendFileSync(source, noise("more", MIB)),
    code: EXIT.ok,
  },
  {
    what: "the destination is cut off",
    act: ({ destination }) => truncateSync(destination, 20 * MIB),
    code: EXIT.io,
    message: /became shorter while it was read/,
    orSucceeds: true,
  },
  {
    what: "the source device shrinks",
    device: "source",
    act: ({ loops }) => resize(loops.source, 20 * MIB),
    code: EXIT.io,
    message: /cannot read|became shorter/,
  },
  {
    what: "the source device grows",
    device: "source",
    act: ({ loops }) => resize(loops.source, 28 * MIB),
    code: EXIT.ok,
  },
  {
    what: "the disk under the source device has gone",
    device: "source",
    act: ({ loops }) => truncateSync(loops.source?.backing ?? "", 20 * MIB),
    code: EXIT.io,
    message: /cannot read .* at offset 20971520: Input\/output error \(EIO\); /,
  },
  {
    what: "the destination device shrinks",
    device: "destination",
    act: ({ loops }) => resize(loops.destination, 20 * MIB),
    code: EXIT.io,
    message: /cannot (?:read|write)|became shorter/,
  },
  {
    what: "the destination device grows",
    device: "destination",
    act: ({ loops }) => resize(loops.destination, 28 * MIB),
    code: EXIT.ok,
  },
];

for (const { what, device, act, code, message, orSucceeds = false } of CHANGES)
  test(
    `while it is copied, ${what}`,
    { skip: device === undefined ? false : lackingLoop },
    async (t) => {
      const folder = scratch(t);
      const loops: Sides["loops"] = {};
      const side = (name: "source" | "destination", content: Buffer): string => {
        if (name === device) return (loops[name] = loopWith(t, folder, content)).path;
        writeFileSync(join(folder, name), content);
        return join(folder, name);
      };
      const sides = { source: side("source", NEW), destination: side("destination", OLD), loops };
      const copying = run([
        "sync",
        "--bwlimit",
        "16M",
        "--verify",
        "none",
        sides.source,
        sides.destination,
      ]);
      const content = (): Buffer => readFileSync(loops.destination?.backing ?? sides.destination);
      await eventually(() => startOf(sides.destination).equals(startOf(sides.source)), {
        what: "begun to write",
      });
      act(sides);
      const outcome = await copying;
      if (code === EXIT.ok || (orSucceeds && outcome.code === EXIT.ok)) {
        assert.equal(withoutSummary(outcome.stderr), "");
        assert.equal(outcome.code, EXIT.ok);
        assertSame(content().subarray(0, SIZE), NEW);
      } else {
        assertFailed(outcome, code, "sync", message ?? /./);
        const found = content();
        for (let at = 0; at < found.length; at += 4096) {
          const page = found.subarray(at, at + 4096);
          const known = [NEW, OLD, ZEROS].some((one) => one.subarray(at, at + 4096).equals(page));
          assert.ok(known, `neither old nor new at ${at}`);
        }
      }
    },
  );

for (const direct of ["on", "off"])
  test(
    `a full ext4, with --direct ${direct}: it is told, and with room the same command succeeds`,
    { skip: lackingLoop || lackingRoot("mkfs.ext4", "mount") },
    async (t) => {
      const folder = scratch(t);
      const [source, backing] = [join(folder, "source"), join(folder, "disk")];
      writeFileSync(source, NEW);
      writeFileSync(backing, "");
      truncateSync(backing, 48 * MIB);
      const point = mountEmptyExt4(t, folder, attach(t, backing));
      const [filler, destination] = [join(point, "filler"), join(point, "destination")];
      writeFileSync(filler, Buffer.alloc(24 * MIB, 1));
      // A hole of that length. With --sparse, its missing blocks are not counted before the copy.
      writeFileSync(destination, "");
      truncateSync(destination, SIZE);
      system("sync", "--file-system", filler);
      const copy = ["sync", "--quiet", "--sparse", "--direct", direct, source, destination];
      assertFailed(
        await run(copy),
        EXIT.io,
        "sync",
        /No space left on device \(ENOSPC\); .*free space/,
      );
      rmSync(filler);
      assert.equal((await run(copy)).code, EXIT.ok);
      assertSame(readFileSync(destination), NEW);
    },
  );

test("while it is copied, the source device is detached", { skip: lackingLoop }, async (t) => {
  const folder = scratch(t);
  const [backing, destination] = [join(folder, "backing"), join(folder, "destination")];
  writeFileSync(backing, NEW);
  writeFileSync(destination, OLD);
  const device = system("losetup", "--find", "--show", backing);
  const copying = run(["sync", "--quiet", "--bwlimit", "24M", device, destination]);
  try {
    await eventually(() => startOf(destination).equals(startOf(backing)), {
      what: "begun to write",
    });
  } finally {
    // It goes when the copy closes it.
    system("losetup", "--detach", device);
  }
  const outcome = await copying;
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assertSame(readFileSync(destination), NEW);
});

/** A memory cgroup of that many bytes, until the test ends; undefined if none can be made. */
function memoryCgroup(t: TestContext, bytes: number): string | undefined {
  const [old, unified] = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"];
  const isOld = existsSync(join(old, "memory.limit_in_bytes"));
  const path = join(isOld ? old : unified, `blockcopy-test-${process.pid}`);
  try {
    mkdirSync(path);
    defer(t, () => onceFree(() => rmdirSync(path)));
    writeFileSync(join(path, isOld ? "memory.limit_in_bytes" : "memory.max"), String(bytes));
    return path;
  } catch {
    return undefined;
  }
}

test("all three stages and sync share 256 MiB of memory", { skip: lackingRoot() }, async (t) => {
  const cgroup = memoryCgroup(t, 256 * MIB);
  if (cgroup === undefined) return t.skip("no memory cgroup can be made here");
  const folder = scratch(t);
  const [source, one, other] = ["source", "one", "other"].map((name) => join(folder, name));
  if (source === undefined || one === undefined || other === undefined) return;
  for (let part = 0; part < 12; part++) appendFileSync(source, noise(part, 8 * MIB));
  for (const destination of [one, other]) {
    writeFileSync(destination, "");
    truncateSync(destination, 96 * MIB);
  }
  const stages = [
    ["checksum", "--extended", one],
    ["retrieve", source],
    ["save", one],
  ];
  const joined = stages.map((words) => blockcopy(...words)).join(" | ");
  const ended = await bash(
    `set -e -o pipefail; echo $$ > ${quote([join(cgroup, "cgroup.procs")])}
    ${joined}
    ${blockcopy("sync", "--quiet", source, other)}`,
  );
  assert.equal(ended.stderr, "");
  assert.equal(ended.code, EXIT.ok);
  for (const destination of [one, other]) system("cmp", source, destination);
});

test(
  "a disk and a reader that are slow: the copy only takes longer",
  { skip: lackingTrace() },
  async (t) => {
    const folder = scratch(t);
    const [source, destination] = [join(folder, "source"), join(folder, "destination")];
    writeFileSync(source, NEW.subarray(0, MIB));
    writeFileSync(destination, OLD.subarray(0, MIB));
    const slow = "pread64,preadv2,pwrite64,fdatasync,write,writev";
    const prefix = [
      "strace",
      "-f",
      "-qq",
      "-o",
      "/dev/null",
      "-e",
      `inject=${slow}:delay_enter=30000`,
    ];
    const outcome = await run(["sync", "--quiet", source, destination], { prefix });
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    assertSame(readFileSync(destination), NEW.subarray(0, MIB));
    const ends = await pipeline({ source, destination }, { command: [...prefix, ...COMMAND] });
    assert.deepEqual(ends.codes, [0, 0, 0]);
  },
);

test("a standard output that is full", async (t) => {
  const folder = scratch(t);
  const [file, hashes, blocks] = ["file", "hashes", "blocks"].map((name) => join(folder, name));
  if (file === undefined || hashes === undefined || blocks === undefined) return;
  writeFileSync(file, NEW.subarray(0, MIB));
  await bash(`${blockcopy("checksum", "--extended", file)} > ${hashes}; cp ${file} ${file}2
    printf x >> ${file}2; ${blockcopy("retrieve", `${file}2`)} < ${hashes} > ${blocks}`);
  const commands: [stage: string, command: string][] = [
    ["checksum", blockcopy("checksum", "--extended", file)],
    ["checksum", blockcopy("checksum", "--root", file)],
    ["retrieve", `${blockcopy("retrieve", `${file}2`)} < ${hashes}`],
    ["inspect", blockcopy("inspect", blocks)],
  ];
  for (const [stage, command] of commands)
    assertFailed(await bash(`${command} > /dev/full`), EXIT.io, stage, /ENOSPC\); free space/);
});
