// BLOCKCOPY_SIMD: every instruction set of this CPU gives the same bytes, and one that it lacks is refused.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  assertCopied,
  assertFailed,
  assertSucceeded,
  EXIT,
  pipeline,
  run,
  type RunOptions,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { cases, IMAGES, recorded, stdinOf } from "../support/wire/vectors.ts";
import { DONE, hashStream } from "../support/wire/frames.ts";

/** The instruction sets by name, with the architecture and the CPU flag that each takes; the fastest last. */
const SETS = [
  { name: "portable", arch: process.arch, flag: "" },
  { name: "neon", arch: "arm64", flag: "sha3" },
  { name: "avx2", arch: "x64", flag: "avx2" },
  { name: "avx512", arch: "x64", flag: "avx512f" },
] as const;
type Name = (typeof SETS)[number]["name"];

const flags = new Set(
  /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" "),
);

/** The reason that this CPU cannot use a set, or `false`, as the `skip` option of a test takes it. */
function lackingSet({ arch, flag }: (typeof SETS)[number]): string | false {
  if (arch !== process.arch) return `needs a CPU of architecture ${arch}`;
  return flag === "" || flags.has(flag) ? false : `needs a CPU with ${flag}`;
}

function using(name: string): RunOptions {
  return { env: { BLOCKCOPY_SIMD: name } };
}

/** The set that a stage says it uses. */
async function reported(path: string, options: RunOptions): Promise<string | undefined> {
  const outcome = await run(["checksum", "-v", path], options);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  return /SHA3-512 with (\w+)/.exec(outcome.stderr)?.[1];
}

// More than a batch, more blocks than any multiple of the lanes, and a last one that ends anywhere.
const content = noise("simd", 77 * BLOCK + 4321);

for (const set of SETS) {
  const { name } = set;
  const skip = lackingSet(set);

  test(`${name}: the recorded hash streams`, { skip }, async () => {
    // The others are recordings of the same blocks: save/vectors.test.ts has them all, with the fastest set.
    for (const { name: recording, checksum } of cases) {
      if (checksum === undefined || !["longer", "range-unaligned", "piped"].includes(recording))
        continue;
      const outcome = await run(["checksum", ...checksum.args], {
        cwd: IMAGES,
        env: { BLOCKCOPY_SIMD: name, BLOCKCOPY_WIRE: "0.0.2" },
        ...stdinOf(checksum),
      });
      assertSucceeded(outcome);
      assert.deepEqual(outcome.stdout, recorded(checksum.stdout), recording);
    }
  });

  test(`${name}: a file and a pipe of any length`, { skip }, async (t) => {
    const path = join(scratch(t), "file");
    writeFileSync(path, content);
    const file = await run(["checksum", path], using(name));
    assertSucceeded(file);
    assert.ok(file.stdout.equals(hashStream(content)));
    const pipe = await run(["checksum", "-"], { ...using(name), stdin: content });
    assertSucceeded(pipe);
    assert.ok(pipe.stdout.equals(hashStream(content, { rest: false })));
  });

  test(`${name}: all three stages`, { skip }, async (t) => {
    const folder = scratch(t);
    const [source, destination] = [join(folder, "source"), join(folder, "destination")];
    writeFileSync(source, content);
    const other = Buffer.from(content.subarray(0, 60 * BLOCK + 99));
    for (const at of [0, 7 * BLOCK - 1, 8 * BLOCK + 5, other.length - 1]) other[at]! ^= 1;
    writeFileSync(destination, other);
    assertCopied(await pipeline({ source, destination }, using(name)));
    assert.ok(readFileSync(destination).equals(content));
  });

  test(`${name}: -v names it`, { skip }, async (t) => {
    const path = join(scratch(t), "file");
    writeFileSync(path, "content");
    assert.equal(await reported(path, using(name)), name);
  });
}

test("without BLOCKCOPY_SIMD, or with an empty one, it is the fastest", async (t) => {
  const path = join(scratch(t), "file");
  writeFileSync(path, "content");
  const fastest: Name | undefined = SETS.findLast((set) => lackingSet(set) === false)?.name;
  assert.equal(await reported(path, {}), fastest);
  assert.equal(await reported(path, using("")), fastest);
});

const lacking = SETS.filter((set) => lackingSet(set) !== false).map(({ name }) => name);
for (const stage of ["checksum", "retrieve", "save"]) {
  test(`${stage}: a set that this CPU lacks is refused`, async (t) => {
    assert.ok(lacking.length > 0, "no CPU has the sets of two architectures");
    const path = join(scratch(t), "file");
    for (const name of lacking) {
      writeFileSync(path, "content");
      const outcome = await run([stage, path], { ...using(name), stdin: DONE });
      assertFailed(outcome, EXIT.usage, stage, new RegExp(`\\b${name}\\b`), /unset BLOCKCOPY_SIMD/);
      assert.equal(outcome.stdout.length, 0);
      assert.equal(readFileSync(path, "utf8"), "content");
    }
  });

  test(`${stage}: an unknown set is refused`, async (t) => {
    const path = join(scratch(t), "file");
    writeFileSync(path, "content");
    for (const name of ["sse2", "AVX2", "avx2 ", "avx", "toString"]) {
      const outcome = await run([stage, path], { ...using(name), stdin: DONE });
      const known = /portable, neon, avx2 or avx512/;
      assertFailed(outcome, EXIT.usage, stage, new RegExp(`\`${name}\``), known);
      assert.equal(outcome.stdout.length, 0);
      assert.equal(readFileSync(path, "utf8"), "content");
    }
  });
}
