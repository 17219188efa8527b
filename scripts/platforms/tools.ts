// The tools that cross-build the engine: cargo-zigbuild, and zig as C compiler and linker for every platform. They stay in target/tools.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const REQUIREMENTS = "scripts/platforms/requirements.txt";
const TOOLS = resolve("target/tools");

/**
 * Returns the folder that the tools are installed in, with pip. A change of the list of tools makes another folder.
 *
 * @throws Error if pip is missing, or a file does not have the digest that the list names
 */
export function installTools(): string {
  const digest = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex");
  const folder = join(TOOLS, `cross-${digest.slice(0, 8)}`);
  if (!existsSync(folder)) {
    const scratch = `${folder}.${process.pid}`;
    mkdirSync(scratch, { recursive: true });
    const options = ["--target", scratch, "--no-deps", "--only-binary=:all:", "--require-hashes"];
    const quiet = ["--quiet", "--disable-pip-version-check", "--root-user-action=ignore"];
    const pip = ["-m", "pip", "install", ...quiet, ...options];
    try {
      execFileSync("python3", [...pip, "-r", REQUIREMENTS], { stdio: "inherit" });
      // A folder of that name is complete.
      renameSync(scratch, folder);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  return folder;
}

/** Variables that would change what is built: a flag for the CPU of this host must not get into a package. */
const FLAGS =
  /^(RUSTFLAGS|CARGO_ENCODED_RUSTFLAGS|CARGO_BUILD_.*|CARGO_TARGET_.*|.*C(XX|PP)?FLAGS(_.*)?|(TARGET_|HOST_)?(CC|CXX|AR|LD)(_.*)?)$/;

/** Returns the environment for cargo with the tools of a folder, without what would change the result. */
export function environment(folder: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !FLAGS.test(name) || name === "CARGO_BUILD_JOBS",
  );
  return {
    ...Object.fromEntries(kept),
    PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
    CARGO_ZIGBUILD_ZIG_PATH: join(folder, "ziglang/zig"),
    CARGO_ZIGBUILD_CACHE_DIR: join(TOOLS, "zigbuild-cache"),
    ZIG_GLOBAL_CACHE_DIR: join(TOOLS, "zig-cache"),
    CARGO_TARGET_DIR: resolve("target/platforms"),
  };
}
