// Rust's names for the platforms, and the paths of their builds.
import { join } from "node:path";
import type { Platform } from "../../src/native/platform.ts";

/** The oldest glibc that the engine runs with: the oldest that Rust supports. */
export const GLIBC = "2.17";

/** Returns the name that Rust has for a platform. */
export function rustTarget({ cpu, libc }: Platform): string {
  return `${cpu === "x64" ? "x86_64" : "aarch64"}-unknown-linux-${libc === "glibc" ? "gnu" : libc}`;
}

/** Returns the path of the engine that was cross-built for a platform. A build for this host alone never gets there. */
export function builtEngine(platform: Platform): string {
  return join("target/platforms", rustTarget(platform), "release/libblockcopy_addon.so");
}
