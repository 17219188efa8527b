// Filesystems and devices that refuse O_DIRECT: at open(2), or only at the first read.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertCopied, assertSucceeded, pipeline, run } from "../support/programs/cli.ts";
import { refusing } from "../support/files/direct.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountRamfs } from "../support/files/mount.ts";
import { lacking, lackingRoot } from "../support/programs/tools.ts";
import { hashStream } from "../support/wire/frames.ts";

const content = noise("direct", 9 * BLOCK + 512);

test(
  "a filesystem that refuses O_DIRECT at open",
  { skip: lackingRoot("mount", "umount") },
  async (t) => {
    const point = mountRamfs(t, scratch(t));
    const [source, destination] = [join(point, "source"), join(point, "destination")];
    writeFileSync(source, content);
    writeFileSync(destination, noise("other", 3 * BLOCK));
    assertCopied(await pipeline({ source, destination }));
    assert.ok(readFileSync(destination).equals(content));
  },
);

test("a file whose reads refuse O_DIRECT", { skip: lacking("cc") }, async (t) => {
  const folder = scratch(t);
  const path = join(folder, "file");
  writeFileSync(path, content);
  const outcome = await run(["checksum", path], { env: refusing(folder, folder) });
  assertSucceeded(outcome);
  assert.deepEqual(outcome.stdout, hashStream(content));
});

test(
  "devices whose reads and writes refuse O_DIRECT",
  { skip: lackingLoop || lacking("cc") },
  async (t) => {
    const folder = scratch(t);
    const from = loopWith(t, folder, content);
    const to = loopWith(t, folder, noise("other", content.length));
    assertCopied(
      await pipeline(
        { source: from.path, destination: to.path },
        { env: refusing(folder, "/dev/loop") },
      ),
    );
    assert.ok(deviceContent(to).equals(content));
  },
);
