// npm run test:platforms [-- PLATFORM...]: copies files with each engine that `npm run build:platforms` has built, on its C library and CPU, and on several versions of Node. What
// this host cannot run is emulated. It takes some minutes, and downloads 400 MB once.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { engineFileOf, packageOf, type Platform, platformName } from "../../src/native/platform.ts";
import { folderOfNode, type Host, HOSTS } from "./hosts.ts";
import { builtEngine } from "./targets.ts";

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
  const program = install(platform);
  const PATH = [folderOfNode(host), program, process.env["PATH"]].join(":");
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
  }
  console.log(`passed: ${words.join(", ")} (${Math.round((Date.now() - begin) / 1000)} s)`);
}

/** Installs the program and an engine as npm does; returns the folder of the command. */
function install(platform: Platform): string {
  const folder = join(scratch, platformName(platform));
  const engine = join(folder, "node_modules", packageOf(platform));
  mkdirSync(engine, { recursive: true });
  cpSync("dist", join(folder, "dist"), { recursive: true });
  copyFileSync("package.json", join(folder, "package.json"));
  copyFileSync(join("npm", platformName(platform), "package.json"), join(engine, "package.json"));
  copyFileSync(builtEngine(platform), join(engine, engineFileOf(platform)));
  return join(folder, "dist/cli");
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
