// The program starts quickly because it loads little: its own files, and modules of Node that are not in Node's snapshot.
import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { NO_INSPECTOR } from "../../src/native/node-start.ts";
import { assertSucceeded, execute, PROJECT } from "../support/programs/cli.ts";
import { scratch } from "../support/files/files.ts";

/** Prints the files and modules that have been loaded when the engine is, or at the end. */
const HOOK = `
  const tell = () => require("node:fs").writeSync(2, JSON.stringify({
    files: Object.keys(require.cache).filter((name) => name !== __filename),
    modules: process.moduleLoadList,
  }));
  const { dlopen } = process;
  process.dlopen = function (...args) { tell(); return dlopen.apply(this, args); };
  process.on("exit", tell);
`;

for (const { args, most } of [
  { args: ["--version"], most: 40_000 },
  { args: ["checksum", "file"], most: 270_000 },
])
  test(`${args[0]} loads at most ${most} bytes, and no network`, async (t) => {
    const folder = scratch(t);
    const hook = join(folder, "hook.cjs");
    writeFileSync(hook, HOOK);
    writeFileSync(join(folder, "file"), "");
    const main = join(PROJECT, "dist/cli/main.js");
    const command = [process.execPath, "--require", hook, NO_INSPECTOR, main, ...args];
    const { stderr, ...outcome } = await execute(command, { cwd: folder });
    assertSucceeded({ ...outcome, stderr: "" });
    const { files, modules } = JSON.parse(stderr) as { files: string[]; modules: string[] };
    const own = files.filter((name) => name.endsWith(".js"));
    assert.ok(own.includes(main), own.join());
    const bytes = own.reduce((sum, name) => sum + statSync(name).size, 0);
    assert.ok(bytes <= most, `${bytes} bytes in ${own.join(", ")}`);
    for (const name of ["net", "child_process", "crypto", "zlib"])
      assert.ok(!modules.includes(`NativeModule ${name}`), name);
  });
