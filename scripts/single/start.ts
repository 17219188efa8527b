// Builds what runs first in the single executable (single/start). start.ts --clippy lints it for each CPU instead.
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
  `-Clink-arg=--script=${resolve("single/start/script.ld")}`,
];

if (process.argv[2] === "--clippy")
  for (const cpu of ["x64", "arm64"] as const) cargo("clippy", cpu, ["--", "-D", "warnings"]);

/** Builds the start for a CPU, and returns the ELF file. */
export function buildStart(cpu: Platform["cpu"]): Buffer {
  return readFileSync(join(cargo("build", cpu), "release/start"));
}

/** Runs a command of cargo for a CPU, and returns the folder of what is built. No C library is used: the target only says which CPU and which calling convention. */
function cargo(command: string, cpu: Platform["cpu"], more: readonly string[] = []): string {
  const target = rustTarget({ os: "linux", cpu, libc: "glibc" });
  const folder = resolve("target/single");
  const manifest = ["--manifest-path", "single/start/Cargo.toml", "--locked"];
  execFileSync("rustup", ["target", "add", target], { stdio: ["ignore", "inherit", "ignore"] });
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
