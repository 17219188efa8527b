// npm run test:platforms [-- PLATFORM...]: copies files with each engine that `npm run build:platforms` has built, on its C library and CPU, and on all supported lines of Node.
// Hosts that this one cannot run are emulated. It takes some twenty minutes, and downloads 700 MB once.
import assert from "node:assert/strict";
import { execFileSync, spawnSync, type StdioOptions } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { engineFileOf, packageOf, type Platform, platformName } from "../../src/native/platform.ts";
import { folderOfNode, type Host, HOSTS } from "./hosts.ts";
import { folderOfPackage } from "./npm-packages.ts";
import { builtEngine } from "./targets.ts";

/** Tests of the built program that are run on each Node for this CPU. */
const TESTS = ["save/vectors", "remote/remote", "sync/bootstrap"].map(
  (name) => `__test__/${name}.test.ts`,
);

const scratch = mkdtempSync(join(tmpdir(), "blockcopy-platforms-"));
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));

const source = join(scratch, "source");
const destination = join(scratch, "destination");
// Noise, text and zeros, and a last block that is not whole.
const noise = randomBytes(1_500_000);
const content = Buffer.concat([noise, Buffer.alloc(1_500_000, "text "), Buffer.alloc(300_001)]);
writeFileSync(source, content);
/** Digests of the source by the engine of this host, which has tests of its own. */
const digests = execFileSync(resolve("dist/cli/blockcopy"), ["checksum", source]);

/** Stands for ssh: runs the command on this host. */
const SHELL = join(scratch, "shell");
writeFileSync(
  SHELL,
  '#!/bin/sh\nwhile [ "$1" != there ]; do shift; done\nshift\nexec sh -c "$*"\n',
  {
    mode: 0o755,
  },
);

const names = process.argv.slice(2);
const hosts = HOSTS.filter((host) => names.length === 0 || names.includes(nameOf(host)));
if (hosts.length === 0)
  throw new Error(`no such host; expected ${[...new Set(HOSTS.map(nameOf))].join(", ")}`);
for (const host of hosts) check(host);

/** Returns the name of the platform of a host. */
function nameOf({ cpu, libc }: Host): string {
  return platformName({ os: "linux", cpu, libc });
}

/** Copies on a host. */
function check(host: Host): void {
  const platform: Platform = { os: "linux", cpu: host.cpu, libc: host.libc };
  const words = [platformName(platform), `Node ${host.node}`, host.emulated ?? "this CPU"];
  if (!existsSync(builtEngine(platform)))
    throw new Error(`${words[0]} is not built: npm run build:platforms`);
  const begin = Date.now();
  const copied = copy(platform);
  const node = folderOfNode(host);
  const program =
    host.npm === undefined
      ? join(copied, "dist/cli")
      : install({ node, npm: join(folderOfPackage(`npm@${host.npm}`), "bin/npm-cli.js") }, copied);
  const PATH = [node, program, process.env["PATH"]].join(":");
  const run = (...command: string[]): Buffer =>
    execFileSync(command[0] ?? "", command.slice(1), {
      env: { ...process.env, PATH },
      stdio: ["ignore", "pipe", "inherit"],
      cwd: scratch,
    });

  assert.match(run("blockcopy", "--version").toString(), /^blockcopy \d/);
  assert.ok(run("blockcopy", "checksum", source).equals(digests), "other digests");
  // Emulated, each start of Node takes seconds: there, one pass with each of the libraries in C.
  const emulated = host.emulated !== undefined;
  for (const codec of emulated ? ["zstd", "lzma"] : ["none", "lz4", "zstd", "lzma"]) {
    spoil();
    const stages = `blockcopy checksum --extended destination | blockcopy retrieve --compress ${codec} source | blockcopy save destination`;
    run("bash", "-o", "pipefail", "-c", stages);
    assertSame(codec);
  }
  spoil();
  run("blockcopy", "sync", "--quiet", source, destination);
  assertSame("sync");
  // A program that is emulated cannot start another one that has to be.
  if (!emulated) {
    spoil();
    run("blockcopy", "sync", "--quiet", "-e", SHELL, `there:${source}`, destination);
    assertSame("sync between hosts");
    testCheckout(node);
  }
  console.log(`passed: ${words.join(", ")} (${Math.round((Date.now() - begin) / 1000)} s)`);
}

/** Copies the program, and an engine to where npm would install it; returns the folder of both. */
function copy(platform: Platform): string {
  const folder = join(scratch, platformName(platform));
  const engine = join(folder, "node_modules", packageOf(platform));
  mkdirSync(engine, { recursive: true });
  for (const part of ["dist/cli", "man", "package.json"])
    cpSync(part, join(folder, part), { recursive: true });
  copyFileSync(join("npm", platformName(platform), "package.json"), join(engine, "package.json"));
  copyFileSync(builtEngine(platform), join(engine, engineFileOf(platform)));
  return folder;
}

/** Installs what was copied from packages into an empty prefix, by npm on a Node; returns the folder of the command. */
function install({ node, npm }: { node: string; npm: string }, copied: string): string {
  const prefix = mkdtempSync(join(scratch, "prefix-"));
  const silent: StdioOptions = ["ignore", "ignore", "inherit"];
  const engines = readdirSync(join(copied, "node_modules"));
  for (const folder of [copied, ...engines.map((name) => join(copied, "node_modules", name))]) {
    const words = ["pack", "--silent", "--ignore-scripts", folder];
    execFileSync("npm", words, { cwd: prefix, stdio: silent });
  }
  const packages = readdirSync(prefix).map((name) => join(prefix, name));
  const alone = ["--offline", "--cache", join(prefix, "cache"), "--no-audit", "--no-fund"];
  const strict = ["--ignore-scripts", "--engine-strict"];
  const words = ["install", "--global", "--prefix", prefix, ...alone, ...strict, ...packages];
  execFileSync(join(node, "node"), [npm, ...words], { stdio: silent });
  return join(prefix, "bin");
}

/** Runs the demo and some tests of the checkout, with this Node for the program: recorded streams, and copies over ssh. */
function testCheckout(node: string): void {
  const env = { ...process.env, PATH: `${node}:${process.env["PATH"] ?? ""}` };
  const words = ["--import", "tsx", "--test", ...TESTS];
  for (const [program, args] of [
    ["scripts/demo.sh", []],
    [process.execPath, words],
  ] as const) {
    const { status, stdout } = spawnSync(program, args, {
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (status !== 0) throw new Error(`${program} failed:\n${stdout}`);
    for (const [skipped] of stdout.matchAll(/^.*# SKIP.*$/gm)) console.log(skipped.trim());
  }
}

/** Makes the destination differ from the source in its first, a middle and its last block. */
function spoil(): void {
  const other = Buffer.from(content);
  for (const offset of [0, 2_000_000, other.length - 1]) other[offset] = (other[offset] ?? 0) ^ 1;
  writeFileSync(destination, other);
}

function assertSame(after: string): void {
  assert.ok(readFileSync(destination).equals(content), `the destination differs after ${after}`);
}
