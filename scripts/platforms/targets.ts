// Rust's names for the platforms, and the paths of their builds.
import { join } from "node:path";
import type { Platform } from "../../src/native/platform.ts";

/** The oldest glibc that the engine runs with: the oldest that Rust supports. */
export const GLIBC = "2.17";

/** The oldest macOS that the engine runs with: that of Node 20 and 22. */
export const MACOS = "11.0";

/** Returns the name that Rust has for a platform. */
export function rustTarget({ os, cpu, libc }: Platform): string {
  const system =
    os === "darwin" ? "apple-darwin" : `unknown-linux-${libc === "glibc" ? "gnu" : libc}`;
  return `${cpu === "x64" ? "x86_64" : "aarch64"}-${system}`;
}

/** Returns the path of the engine that was cross-built for a platform. A build for this host alone never gets there. */
export function builtEngine(platform: Platform): string {
  const suffix = platform.os === "darwin" ? "dylib" : "so";
  return join("target/platforms", rustTarget(platform), `release/libblockcopy_addon.${suffix}`);
}
