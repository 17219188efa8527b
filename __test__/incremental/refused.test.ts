// Refuses sources and names that `--incremental` does not work for, before anything is written.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { noise, scratch } from "../support/files/files.ts";
import { EXIT, run } from "../support/programs/cli.ts";

test("names and sources that --incremental refuses", async (t) => {
  const folder = scratch(t);
  const [from, to] = [join(folder, "disk"), join(folder, "copy")];
  writeFileSync(from, noise("new", 300_000));
  writeFileSync(to, noise("old", 300_000));
  for (const [args, says] of [
    [
      ["--incremental", "nightly", from, to],
      /--incremental cannot be used: .*disk is no thin LVM volume/,
    ],
    [["--incremental", "a/b", from, to], /"a\/b" is not a name; give up to 64 letters/],
    [
      ["--incremental", "x", from, "nbd://host/disk"],
      /--incremental does not work with nbd:\/\/host\/disk: nothing tells/,
    ],
  ] as const) {
    const { code, stderr } = await run(["sync", ...args]);
    assert.equal(code, EXIT.usage, stderr);
    assert.match(stderr, says);
  }
  assert.deepEqual(readFileSync(to), noise("old", 300_000));
});
