// Reading back: a disk that says it has written, and has not, is found out.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  assertCopied,
  assertFailed,
  assertSucceeded,
  EXIT,
  pipeline,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch, text } from "../support/files/files.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { lacking } from "../support/programs/tools.ts";
import { dataFrame, dlzmFrame, DONE, hashStream, xz } from "../support/wire/frames.ts";

const WRITES = "pwrite64,pwritev,pwritev2";

/** A disk that forgets what is written to `path`: each write, of `length` bytes, seems to have succeeded. */
function forgetful(folder: string, path: string, length: number): readonly string[] {
  const inject = `inject=${WRITES}:retval=${length}`;
  const strace = ["strace", "-f", "-qq", "-o", join(folder, "trace"), "-P", path];
  return [...strace, "-e", `trace=${WRITES}`, "-e", inject];
}

const lackingStrace = lacking("strace");

for (const verify of ["written", "full"])
  test(`--verify=${verify}: all kinds of copies are right`, async (t) => {
    const folder = scratch(t);
    const [source, destination] = [join(folder, "source"), join(folder, "destination")];
    const parts = [noise(1, 3 * BLOCK), Buffer.alloc(2 * BLOCK), text(2, 9 * BLOCK + 77)];
    const content = Buffer.concat(parts);
    writeFileSync(source, content);
    const changed = Buffer.from(content);
    noise(3, 500).copy(changed, 4 * BLOCK);
    const befores = [Buffer.alloc(0), changed, content, Buffer.concat([content, content])];
    for (const [index, before] of befores.entries()) {
      // The other way to verify takes the others with it.
      const retrieve = (index % 2 === 0) === (verify === "full") ? ["--lzma"] : [];
      writeFileSync(destination, before);
      const save = [`--verify=${verify}`, ...(retrieve.length > 0 ? ["--sparse"] : [])];
      assertCopied(await pipeline({ source, destination, retrieve, save }));
      assert.ok(readFileSync(destination).subarray(0, content.length).equals(content));
    }
    writeFileSync(destination, changed);
    const checksum = ["--extended", ...(verify === "full" ? ["--digest", "blake3"] : [])];
    const save = ["--verify", verify];
    assertCopied(await pipeline({ source, destination, checksum, save }));
  });

for (const verify of ["written", "full"])
  test(
    `--verify=${verify}: a block that the disk has forgotten is named`,
    { skip: lackingStrace },
    async (t) => {
      const folder = scratch(t);
      const [source, path] = [join(folder, "source"), join(folder, "destination")];
      const content = noise(1, 5 * BLOCK);
      writeFileSync(source, content);
      const before = Buffer.from(content);
      before.fill(0, 3 * BLOCK, 4 * BLOCK);
      writeFileSync(path, before);
      const { stdout: hashes } = await run(["checksum", path]);
      const { stdout: stdin } = await run(["retrieve", source], { stdin: hashes });
      const prefix = forgetful(folder, path, BLOCK);
      assertSucceeded(await run(["save", path], { stdin, prefix }));
      assert.ok(readFileSync(path).equals(before), "the disk has forgotten it");
      const outcome = await run(["save", `--verify=${verify}`, path], { stdin, prefix });
      const what = new RegExp(`1 of 1 blocks .* at offset ${3 * BLOCK} \\(${BLOCK} bytes\\)`);
      assertFailed(outcome, EXIT.differs, "save", what);
      assertSucceeded(await run(["save", `--verify=${verify}`, path], { stdin }));
    },
  );

test(
  "many that differ are counted, and the first ones named",
  { skip: lackingStrace },
  async (t) => {
    const folder = scratch(t);
    const path = join(folder, "destination");
    const count = 25;
    const frames = Array.from({ length: count }, (_, i) =>
      dataFrame(2 * i * BLOCK, noise(i + 1, BLOCK)),
    );
    writeFileSync(path, Buffer.alloc(2 * count * BLOCK));
    const prefix = forgetful(folder, path, BLOCK);
    const outcome = await run(["save", "--verify=written", path], {
      stdin: Buffer.concat([...frames, DONE]),
      prefix,
    });
    assertFailed(outcome, EXIT.differs, "save", /25 of 25 blocks/, /and 15 more/);
    assert.equal(outcome.stderr.split("offset").length - 1, 10);
  },
);

test("--verify=full finds what was changed elsewhere since checksum read it", async (t) => {
  const folder = scratch(t);
  const [source, path] = [join(folder, "source"), join(folder, "destination")];
  const content = noise(1, 40 * BLOCK);
  writeFileSync(source, content);
  const before = Buffer.from(content);
  before.fill(0, 0, 100);
  const { stdout: stdin } = await run(["retrieve", source], { stdin: hashStream(before) });
  before.fill(0, 33 * BLOCK, 33 * BLOCK + 1);
  writeFileSync(path, before);
  const full = await run(["save", "--verify=full", path], { stdin });
  assertFailed(
    full,
    EXIT.differs,
    "save",
    /not in the 1 blocks that were written/,
    /run all of it again/,
  );
  assertSucceeded(await run(["save", "--verify=written", path], { stdin }));
});

test("--verify=full of a part of the source says that it cannot", async (t) => {
  const folder = scratch(t);
  const [source, destination] = [join(folder, "source"), join(folder, "destination")];
  writeFileSync(source, noise(1, 3 * BLOCK));
  writeFileSync(destination, noise(2, 3 * BLOCK));
  const part = { source, destination, checksum: ["--end", String(BLOCK)] };
  const outcome = await pipeline({ ...part, save: ["--verify=full"] });
  assert.deepEqual(outcome.codes, [0, 0, EXIT.protocol]);
  assertFailed({ code: EXIT.protocol, stderr: outcome.stderr[2] ?? "" }, EXIT.protocol, "save");
  assert.match(outcome.stderr[2] ?? "", /lacks the root digest of the source/);
  // An extended stream says so at its beginning.
  const before = readFileSync(destination);
  before[0] = 1;
  writeFileSync(destination, before);
  const checksum = ["--extended", ...part.checksum];
  const { stderr } = await pipeline({ ...part, checksum, save: ["--verify=full"] });
  assertFailed({ code: EXIT.usage, stderr: stderr[2] ?? "" }, EXIT.usage, "save", /nothing was/);
  assert.ok(readFileSync(destination).equals(before));
  assertCopied(await pipeline({ ...part, save: ["--verify=written"] }));
});

test("blocks that step back cannot be verified, and are refused", async (t) => {
  const path = join(scratch(t), "destination");
  writeFileSync(path, Buffer.alloc(3 * BLOCK));
  const compressed = dlzmFrame(0, xz(text(1, BLOCK)));
  const stdin = Buffer.concat([dataFrame(10, Buffer.from("b")), compressed, DONE]);
  const outcome = await run(["save", "--verify=written", path], { stdin });
  assertFailed(outcome, EXIT.protocol, "save", /offset 0 does not lie after/, /at byte 17/);
  assertSucceeded(await run(["save", path], { stdin }));
});

test(
  "devices are read back past the page cache",
  { skip: lackingLoop || lackingStrace },
  async (t) => {
    const content = noise(1, 40 * BLOCK);
    const folder = scratch(t);
    const source = join(folder, "source");
    writeFileSync(source, content);
    const loop = loopWith(t, folder, noise(2, 40 * BLOCK));
    for (const verify of ["written", "full"]) {
      const save = [`--verify=${verify}`, "--direct", "off"];
      assertCopied(await pipeline({ source, destination: loop.path, save }));
      assert.ok(deviceContent(loop).equals(content));
    }
  },
);

test("a folder for what does not fit into memory that is not there is named", async (t) => {
  const folder = scratch(t);
  const path = join(folder, "destination");
  writeFileSync(path, "");
  const env = { TMPDIR: join(folder, "missing") };
  const outcome = await run(["save", "--verify=written", path], { stdin: DONE, env });
  assertFailed(outcome, EXIT.io, "save", /missing/, /TMPDIR/);
  assert.ok(!existsSync(join(folder, "missing")));
});

test("anything else than none, written or full is refused", async (t) => {
  const path = join(scratch(t), "destination");
  writeFileSync(path, "");
  const outcome = await run(["save", "--verify=all", path], { stdin: DONE });
  assertFailed(outcome, EXIT.usage, "save", /none, written or full/);
});
