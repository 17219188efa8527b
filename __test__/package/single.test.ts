// The single executable, where it has been built: it takes too long to be built here.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSucceeded, execute, PROJECT, quote } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { lackingRoot } from "../support/programs/tools.ts";

const SINGLE = join(PROJECT, `dist/single/blockcopy-linux-${process.arch}`);

const notBuilt = existsSync(SINGLE)
  ? false
  : `${SINGLE} is not built: npm run build:platforms, then npm run build:single`;

const source = noise("single", 5 * BLOCK + 11);

test(
  "the single executable copies where there is nothing but the kernel",
  { skip: notBuilt || lackingRoot("unshare", "mount", "chroot") },
  async (t) => {
    const root = scratch(t);
    for (const folder of ["proc", "sys"]) mkdirSync(join(root, folder));
    for (const name of ["blockcopy", "one"]) writeFileSync(join(root, name), "");
    writeFileSync(join(root, "source"), source);
    writeFileSync(join(root, "two"), noise("other", source.length));
    const script = `set -e -o pipefail
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --bind ${quote([SINGLE])} blockcopy
inside() { chroot . /blockcopy "$@"; }
inside checksum one | inside retrieve source | inside save one
inside sync --quiet source two
inside completion bash`;
    const words = ["unshare", "-m", "--propagation", "private", "bash", "-c", script];
    const outcome = await execute(words, { cwd: root });
    assertSucceeded(outcome);
    for (const name of ["one", "two"]) assert.ok(readFileSync(join(root, name)).equals(source));
    assert.match(outcome.stdout.toString(), /complete .*blockcopy/);
  },
);

test(
  "libraries that the environment names are not loaded into the single executable",
  { skip: notBuilt },
  async () => {
    const env = { LD_PRELOAD: "/nowhere/preload.so", LD_LIBRARY_PATH: "/nowhere" };
    const outcome = await execute([SINGLE, "--version"], { env });
    assert.equal(outcome.stderr, "");
    assertSucceeded(outcome);
  },
);
