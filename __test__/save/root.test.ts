// The root digest: one line for all of a file, which two hosts can compare.
import assert from "node:assert/strict";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import {
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  EXIT,
  quote,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch, text, writeSparse } from "../support/files/files.ts";
import { firstFrame } from "../support/wire/records.ts";
import { rootOf, sha3Digests } from "../support/wire/root-digest.ts";
import { lacking } from "../support/programs/tools.ts";

/** BLAKE3 of each block, as a hash stream has them: Node has no BLAKE3. */
async function blake3Digests(file: string): Promise<Buffer[]> {
  const { stdout } = await run(["checksum", "--extended", "--digest", "blake3", file]);
  const digests: Buffer[] = [];
  for (
    let at = firstFrame(stdout).length;
    stdout.toString("latin1", at, at + 4) === "Hash";
    at += 48
  )
    digests.push(stdout.subarray(at + 16, at + 48));
  return digests;
}

const contents = new Map<string, Buffer>([
  ["nothing", Buffer.alloc(0)],
  ["a byte", Buffer.from("a")],
  ["a block", noise(1, BLOCK)],
  ["zeros", Buffer.alloc(70 * BLOCK + 5)],
  ["several batches with holes", Buffer.concat([text(2, 5e6), Buffer.alloc(20e6), noise(3, 1001)])],
]);

for (const [what, content] of contents)
  for (const name of ["sha3-512", "blake3"])
    test(`${name}: the root of ${what} is that of a file, of a sparse file and of a pipe`, async (t) => {
      const folder = scratch(t);
      const [plain, sparse] = [join(folder, "plain"), join(folder, "sparse")];
      writeFileSync(plain, content);
      writeSparse(sparse, content);
      const digests = name === "blake3" ? await blake3Digests(plain) : sha3Digests(content);
      assert.equal(digests.length, Math.ceil(content.length / BLOCK));
      const root = rootOf(content.length, name, digests);
      const line = `blockcopy-root ${name}/131072 ${content.length} ${root}\n`;
      for (const file of [plain, sparse, "-"]) {
        const stdin = file === "-" ? { stdin: content } : {};
        const outcome = await run(["checksum", "--root", "--digest", name, file], stdin);
        assertSucceeded(outcome);
        assert.equal(outcome.stdout.toString(), line);
      }
    });

test("a root is of all of a file: parts of it and other streams are refused", async (t) => {
  const file = join(scratch(t), "file");
  writeFileSync(file, noise(1, BLOCK));
  for (const options of [["--start", "1"], ["--end", "5"], ["--extended"], ["--ranges", "map"]]) {
    const outcome = await run(["checksum", "--root", ...options, file]);
    assertFailed(
      outcome,
      EXIT.usage,
      "checksum",
      new RegExp(`^ERROR \\(checksum\\): ${options[0]}`),
    );
    assert.equal(outcome.stdout.length, 0);
  }
});

test("a root may go to a terminal", { skip: lacking("script") }, async (t) => {
  const file = join(scratch(t), "file");
  writeFileSync(file, "x");
  const command = blockcopy("checksum", "--root", file);
  const outcome = await bash(`TERM=dumb script -qec ${quote([command])} /dev/null < /dev/null`);
  assert.equal(outcome.code, 0);
  assert.match(outcome.stdout.toString(), /blockcopy-root sha3-512\/131072 1 [0-9a-f]{128}/);
});
