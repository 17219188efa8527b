// Builds what runs first in the single executable (crates/start). start.ts --clippy lints it for each CPU instead.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  ASIDE,
  LINKER_VARIABLES,
  NO_INSPECTOR,
  NODE_VARIABLES,
  POOL_THREADS,
} from "../../src/native/node-start.ts";
import type { Platform } from "../../src/native/platform.ts";
import { rustTarget } from "../platforms/targets.ts";

const FLAGS = [
  "-Clinker=rust-lld",
  "-Clinker-flavor=ld.lld",
  "-Crelocation-model=pic",
  "-Clink-arg=--no-dynamic-linker",
  `-Clink-arg=--script=${resolve("crates/start/script.ld")}`,
];

if (process.argv[2] === "--clippy") lint();

/** Builds the start for a CPU, and returns the ELF file. */
export function buildStart(cpu: Platform["cpu"]): Buffer {
  const add = ["target", "add", targetFor(cpu)];
  execFileSync("rustup", add, { stdio: ["ignore", "inherit", "ignore"] });
  return readFileSync(join(cargo("build", cpu), "release/start"));
}

/** Lints the start for each CPU whose target is installed, without a download. */
function lint(): void {
  const list = ["target", "list", "--installed"];
  const installed = execFileSync("rustup", list, { encoding: "utf8" }).split("\n");
  for (const cpu of ["x64", "arm64"] as const)
    if (installed.includes(targetFor(cpu))) cargo("clippy", cpu, ["--", "-D", "warnings"]);
    else
      console.log(`crates/start is not linted for ${cpu}: run rustup target add ${targetFor(cpu)}`);
}

/** Returns the target for a CPU. No C library is used: it only says which CPU, and which calling convention. */
function targetFor(cpu: Platform["cpu"]): string {
  return rustTarget({ os: "linux", cpu, libc: "glibc" });
}

/** Runs a command of cargo for a CPU, and returns the folder of what is built. */
function cargo(command: string, cpu: Platform["cpu"], more: readonly string[] = []): string {
  const target = targetFor(cpu);
  const folder = resolve("target/single");
  const manifest = ["--manifest-path", "crates/start/Cargo.toml", "--locked"];
  execFileSync("cargo", [command, "--release", ...manifest, "--target", target, ...more], {
    stdio: "inherit",
    env: {
      ...process.env,
      CARGO_TARGET_DIR: folder,
      CARGO_ENCODED_RUSTFLAGS: FLAGS.join("\x1f"),
      BLOCKCOPY_VARIABLES: [...NODE_VARIABLES, ...LINKER_VARIABLES]
        .map((name) => `${name} `)
        .join(""),
      BLOCKCOPY_ASIDE: ASIDE,
      BLOCKCOPY_PREPARED: NO_INSPECTOR,
      BLOCKCOPY_THREADS: String(POOL_THREADS),
    },
  });
  return join(folder, target);
}
