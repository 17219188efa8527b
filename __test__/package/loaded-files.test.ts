// The program starts quickly because it loads little: its own files, and modules of Node that are not in Node's snapshot.
import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { NO_INSPECTOR } from "../../src/native/node-start.ts";
import { execute, EXIT, PROJECT } from "../support/programs/cli.ts";
import { scratch } from "../support/files/files.ts";

/** Prints the files and modules that have been loaded when the engine is, or at the end. */
const HOOK = `
  const tell = () => require("node:fs").writeSync(2, JSON.stringify({
    files: Object.keys(require.cache).filter((name) => name !== __filename),
    modules: process.moduleLoadList,
  }) + "\\n");
  const { dlopen } = process;
  process.dlopen = function (...args) { tell(); return dlopen.apply(this, args); };
  process.on("exit", tell);
`;

for (const { args, most, code = EXIT.ok } of [
  { args: ["--version"], most: 32_000 },
  { args: ["checksum", "file"], most: 215_000 },
  // Those that read a stream fail at the end of standard input, when they are loaded.
  { args: ["retrieve", "file"], most: 230_000, code: EXIT.protocol },
  { args: ["save", "file"], most: 255_000, code: EXIT.protocol },
  { args: ["receive", "file"], most: 270_000, code: EXIT.protocol },
])
  test(`${args[0]} loads at most ${most} bytes, and no network`, async (t) => {
    const folder = scratch(t);
    const hook = join(folder, "hook.cjs");
    writeFileSync(hook, HOOK);
    writeFileSync(join(folder, "file"), "");
    const main = join(PROJECT, "dist/cli/main.js");
    const command = [process.execPath, "--require", hook, NO_INSPECTOR, main, ...args];
    const outcome = await execute(command, { cwd: folder });
    assert.equal(outcome.code, code, outcome.stderr);
    const [told = ""] = outcome.stderr.split("\n", 1);
    const { files, modules } = JSON.parse(told) as { files: string[]; modules: string[] };
    const own = files.filter((name) => name.endsWith(".js"));
    assert.ok(own.includes(main), own.join());
    const bytes = own.reduce((sum, name) => sum + statSync(name).size, 0);
    assert.ok(bytes <= most, `${bytes} bytes in ${own.join(", ")}`);
    for (const name of ["net", "child_process", "crypto", "zlib"])
      assert.ok(!modules.includes(`NativeModule ${name}`), name);
  });
