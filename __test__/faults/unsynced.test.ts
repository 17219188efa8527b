// After a failed sync the page cache keeps, as clean pages, what the disk has refused. That must not count as the content of the disk.
import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defer } from "../support/cleanup.ts";
import { assertSame } from "../support/files/bytes.ts";
import { noise, scratch } from "../support/files/files.ts";
import { attach, deviceContent, lackingLoop } from "../support/files/loop.ts";
import { mountTmpfs } from "../support/files/mount.ts";
import { assertFailed, EXIT, pipeline, run } from "../support/programs/cli.ts";
import { lackingRoot, system } from "../support/programs/tools.ts";

const SIZE = 16 * 2 ** 20;

for (const how of ["sync", "the three stages"] as const)
  test(
    `${how}: the next copy writes again what the disk has refused`,
    { skip: lackingLoop || lackingRoot("mount") },
    async (t) => {
      const folder = scratch(t);
      const source = join(folder, "source");
      writeFileSync(source, noise("unsynced", SIZE));
      const full = mountTmpfs(t, folder, SIZE / 2);
      const backing = join(full, "backing");
      writeFileSync(backing, "");
      truncateSync(backing, SIZE);
      const loop = attach(t, backing);
      // Another process that has the device open keeps its pages in the cache from one copy to the next.
      const holder = openSync(loop.path, "r");
      defer(t, () => closeSync(holder));

      const copy = async (): Promise<{ code: number | null; stderr: string }> => {
        if (how === "sync") return run(["sync", "--quiet", "--direct", "off", source, loop.path]);
        const off = ["--direct", "off"];
        const stages = { checksum: off, retrieve: off, save: off };
        const ends = await pipeline({ source, destination: loop.path, ...stages });
        return { code: ends.codes[2] ?? null, stderr: ends.stderr[2] ?? "" };
      };
      const stage = how === "sync" ? "sync" : "save";
      assertFailed(await copy(), EXIT.io, stage, /cannot sync \/dev\/loop.*EIO/, /do not trust/);
      system("mount", "-o", `remount,size=${2 * SIZE}`, full);
      const next = await copy();
      assert.equal(next.code, EXIT.ok, next.stderr);
      deviceContent(loop);
      assertSame(readFileSync(backing), readFileSync(source), "the disk");
    },
  );
