// The packages as npm publishes them: installed into an empty prefix they run, and they hold nothing but the program.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  assertCopied,
  assertFailed,
  assertSucceeded,
  execute,
  EXIT,
  pipeline,
  PROJECT,
} from "../support/programs/cli.ts";
import { defer } from "../support/cleanup.ts";
import { noise, scratch } from "../support/files/files.ts";
import { lacking, system } from "../support/programs/tools.ts";

const ADDON = "blockcopy-linux-x64-gnu";
const BINARY = "blockcopy.linux-x64-gnu.node";
const platform = `${process.platform}-${process.arch}`;
const skip =
  lacking("npm", "tar") ||
  (platform === "linux-x64" ? false : `no package is built for ${platform}`);

const folder = mkdtempSync(join(tmpdir(), "blockcopy-package-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Packs a folder of the checkout as it is, without building anything; returns the tarball's path. */
function pack(path: string): string {
  const name = system(
    "npm",
    "pack",
    "--silent",
    "--ignore-scripts",
    "--pack-destination",
    folder,
    path,
  );
  return join(folder, name.split("\n").at(-1) ?? "");
}

interface Tarballs {
  program: string;
  addon: string;
}

let packed: Tarballs | undefined;

/** Both packages, packed once. */
function tarballs(): Tarballs {
  packed ??= { program: pack(PROJECT), addon: pack(join(PROJECT, "npm/linux-x64-gnu")) };
  return packed;
}

function contents(tarball: string): string[] {
  return system("tar", "--list", "--file", tarball).split("\n").toSorted();
}

const prefix = join(folder, "prefix");
const program = join(prefix, "bin/blockcopy");
const binary = join(prefix, "lib/node_modules", ADDON, BINARY);

let installed = false;

/** Installs both packages, once, and without a network: they bring all that the program needs. */
function install(): void {
  if (installed) return;
  const { program: main, addon } = tarballs();
  const cache = join(folder, "empty-cache");
  const options = ["--offline", "--cache", cache, "--ignore-scripts", "--no-audit", "--no-fund"];
  system("npm", "install", "--global", "--prefix", prefix, ...options, main, addon);
  installed = true;
}

test("the tarballs hold the program and nothing else", { skip }, () => {
  const { program: main, addon } = tarballs();
  const files = contents(main);
  assert.ok(files.includes("package/dist/cli/blockcopy"));
  assert.ok(files.includes("package/dist/cli/main.js"));
  assert.ok(files.includes("package/package.json"));
  assert.ok(files.includes("package/LICENSE"));
  assert.ok(files.includes("package/dist/THIRD-PARTY-LICENSES.txt"));
  assert.ok(files.includes("package/dist/index.js"));
  assert.ok(files.includes("package/dist/types/index.d.ts"));
  for (const file of files) {
    assert.match(
      file,
      /^package\/(dist\/cli\/(blockcopy|package\.json|install\.mjs|[\w-]+\.js)|dist\/index\.js|dist\/types\/\w+\.d\.ts|dist\/THIRD-PARTY-LICENSES\.txt|man\/blockcopy(-\w+)?\.1|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
    );
    assert.doesNotMatch(file, /test/i);
  }
  assert.ok(contents(addon).includes("package/LICENSE"));
  assert.deepEqual(
    contents(addon).filter((file) => !/\/(README\.md|LICENSE)$/.test(file)),
    ["package/THIRD-PARTY-LICENSES.txt", `package/${BINARY}`, "package/package.json"],
  );
});

test("installed into an empty prefix it copies a file", { skip }, async (t) => {
  install();
  const version = await execute([program, "--version"]);
  assertSucceeded(version);
  const { version: expected } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as {
    version: string;
  };
  assert.equal(version.stdout.toString(), `blockcopy ${expected}\n`);

  const source = noise("package", 400_000);
  const here = scratch(t);
  const [from, to] = [join(here, "source"), join(here, "destination")];
  writeFileSync(from, source);
  writeFileSync(to, noise("other", 300_000));
  assertCopied(
    await pipeline(
      { source: from, destination: to, retrieve: ["--lzma"] },
      { command: [program], cwd: here },
    ),
  );
  assert.ok(readFileSync(to).equals(source));
});

test("installed, it is a library for both kinds of modules", { skip }, async (t) => {
  install();
  // Node looks for packages in node_modules, next to the program.
  const here = scratch(t, join(prefix, "lib"));
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const requires = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
  const kinds = {
    "main.mjs": 'import * as it from "blockcopy";',
    "main.cjs": 'const it = require("blockcopy");',
  };
  for (const [name, load] of Object.entries(kinds)) {
    if (name === "main.cjs" && !requires) {
      t.diagnostic(`Node ${process.versions.node} cannot load an ES module by require()`);
      continue;
    }
    const main = join(here, name);
    writeFileSync(
      main,
      `${load}\nit.checksum({ file: ${JSON.stringify(main)}, root: true }).result.then(({ size }) => console.log(size));`,
    );
    const { stdout, stderr } = await execute([process.execPath, "--no-warnings", main]);
    assert.equal(stderr, "");
    assert.equal(stdout.toString(), `${readFileSync(main).length}\n`);
  }
});

test("an engine that is damaged, or not there, is named in the error", { skip }, async (t) => {
  install();
  const file = join(scratch(t), "file");
  writeFileSync(file, "content");
  renameSync(binary, `${binary}.good`);
  defer(t, () => renameSync(`${binary}.good`, binary));

  const missing = await execute([program, "checksum", file]);
  assertFailed(missing, EXIT.busy, "checksum", new RegExp(ADDON));
  writeFileSync(binary, "not a shared object");
  const damaged = await execute([program, "checksum", file]);
  assertFailed(damaged, EXIT.busy, "checksum", new RegExp(binary.replaceAll(".", "\\.")));
  for (const { stderr, stdout } of [missing, damaged]) {
    assert.equal(stdout.length, 0);
    assert.doesNotMatch(stderr, /bug related to optional dependencies/);
  }
});
