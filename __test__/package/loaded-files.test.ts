// The program starts quickly because it loads little: its own files, and modules of Node that are not in Node's snapshot.
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { NO_INSPECTOR } from "../../src/native/node-start.ts";
import { bash, execute, EXIT, PROJECT, quote } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";

/** Prints the files and modules that have been loaded when the engine is, and at the end. */
const HOOK = `
  const tell = () => require("node:fs").writeSync(2, JSON.stringify({
    files: Object.keys(require.cache).filter((name) => name !== __filename),
    modules: process.moduleLoadList,
  }) + "\\n");
  const { dlopen } = process;
  process.dlopen = function (module, ...args) {
    tell();
    dlopen.call(this, module, ...args);
    const { exitNow } = module.exports;
    module.exports.exitNow = (code) => { tell(); exitNow(code); };
  };
  process.on("exit", tell);
`;

interface Loaded {
  files: string[];
  modules: string[];
}

for (const { args, most, code = EXIT.ok } of [
  { args: ["--version"], most: 32_000 },
  { args: ["checksum", "file"], most: 223_000 },
  // Those that read a stream fail at the end of standard input, when they are loaded.
  { args: ["retrieve", "file"], most: 240_000, code: EXIT.protocol },
  { args: ["save", "file"], most: 248_000, code: EXIT.protocol },
  { args: ["receive", "file"], most: 281_000, code: EXIT.protocol },
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
    const { files, modules } = JSON.parse(told) as Loaded;
    const own = files.filter((name) => name.endsWith(".js"));
    assert.ok(own.includes(main), own.join());
    const bytes = own.reduce((sum, name) => sum + statSync(name).size, 0);
    assert.ok(bytes <= most, `${bytes} bytes in ${own.join(", ")}`);
    for (const name of ["net", "child_process", "crypto", "zlib"])
      assert.ok(!modules.includes(`NativeModule ${name}`), name);
  });

test("no stage of a copy loads Node's crypto", async (t) => {
  const folder = scratch(t);
  const hook = join(folder, "hook.cjs");
  writeFileSync(hook, HOOK);
  writeFileSync(join(folder, "source"), noise("source", 3 * BLOCK + 1));
  writeFileSync(join(folder, "destination"), noise("destination", BLOCK));
  const main = join(PROJECT, "dist/cli/main.js");
  const node = quote([process.execPath, "--require", hook, NO_INSPECTOR, main]);
  for (const stage of [
    "checksum --extended destination > digests",
    "retrieve source < digests > blocks",
    "save --truncate destination < blocks",
  ]) {
    const outcome = await bash(`${node} ${stage}`, { cwd: folder });
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    const told = outcome.stderr.trimEnd().split("\n");
    assert.equal(told.length, 2, outcome.stderr);
    const { modules } = JSON.parse(told[1] ?? "") as Loaded;
    assert.ok(!modules.includes("NativeModule crypto"), stage);
  }
  const [source, destination] = ["source", "destination"].map((name) =>
    readFileSync(join(folder, name)),
  );
  assert.deepEqual(destination, source);
});
