// npm run build:platforms [-- PLATFORM...]: cross-builds the engine into its packages below npm/, on one Linux machine. It needs rustup and python3 with pip, and
// downloads what it lacks: zig and cargo-zigbuild into target/tools, and the standard libraries of Rust for the platforms.
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { engineFileOf, type Platform, platformName, PLATFORMS } from "../../src/native/platform.ts";
import { faultsOf } from "./binary.ts";
import { builtEngine, GLIBC, MACOS, rustTarget } from "./targets.ts";
import { environment, installTools } from "./tools.ts";

const chosen = choose(process.argv.slice(2));
const env = environment(installTools());
execFileSync("rustup", ["target", "add", ...chosen.map(rustTarget)], { stdio: "inherit" });
for (const platform of chosen) {
  build(platform);
}

/** Returns the platforms of these names, or all if there are no names. */
function choose(names: readonly string[]): readonly Platform[] {
  const unknown = names.filter((name) => !PLATFORMS.some((known) => platformName(known) === name));
  if (unknown.length > 0)
    throw new Error(
      `unknown platform ${unknown.join(", ")}; expected ${PLATFORMS.map(platformName).join(", ")}`,
    );
  return names.length === 0
    ? PLATFORMS
    : PLATFORMS.filter((known) => names.includes(platformName(known)));
}

/** Builds the engine for a platform into its package. */
function build(platform: Platform): void {
  const target = rustTarget(platform);
  console.log(`\n== ${platformName(platform)}`);
  const versioned = platform.libc === "glibc" ? `${target}.${GLIBC}` : target;
  // For musl, Rust links libc statically unless told otherwise; the engine has to share that of Node.
  const flags = platform.libc === "musl" ? "-C target-feature=-crt-static" : "";
  const variables = { ...env, RUSTFLAGS: flags, MACOSX_DEPLOYMENT_TARGET: MACOS };
  const options = { stdio: "inherit", env: variables } as const;
  if (platform.os === "darwin") {
    // No other check compiles what this crate has for macOS.
    const clippy = ["clippy", "--locked", "--package", "blockcopy-blockio", "--target", target];
    execFileSync("cargo", [...clippy, "--", "--deny", "warnings"], options);
  }
  execFileSync(
    "cargo",
    ["zigbuild", "--release", "--locked", "--package", "blockcopy-addon", "--target", versioned],
    options,
  );

  const folder = join("npm", platformName(platform));
  const built = builtEngine(platform);
  const content = readFileSync(built);
  const faults = faultsOf(content, platform);
  if (faults.length > 0) throw new Error(`${built}: ${faults.join("; ")}`);
  // Not into the file itself: a process that runs may have it mapped.
  const file = join(folder, engineFileOf(platform));
  copyFileSync(built, `${file}.new`);
  renameSync(`${file}.new`, file);
  execFileSync(process.execPath, ["--import", "tsx", "scripts/engine-notices.ts", folder, target], {
    stdio: "inherit",
  });
  console.log(`${file}: ${content.length} bytes`);
}
