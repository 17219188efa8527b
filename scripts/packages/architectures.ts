// The architectures that there are Debian and RPM packages for.
import { resolve } from "node:path";
import type { Platform } from "../../src/native/platform.ts";

/** The folder that the packages are made in. */
export const OUT = resolve("target/packages");

/** Debian's name for an architecture. nfpm knows it, and gives the RPM package the name that RPM has. */
export type Architecture = "amd64" | "arm64";

export const ARCHITECTURES: readonly Architecture[] = ["amd64", "arm64"];

/** Kinds of packages, by the name that nfpm has for them. */
export type Kind = "deb" | "rpm";

/** Returns the platform whose engine goes into the packages for an architecture. */
export function platformOf(architecture: Architecture): Platform {
  return { os: "linux", cpu: architecture === "amd64" ? "x64" : "arm64", libc: "glibc" };
}

/** Returns the name that nfpm gives to the file of a package. */
export function packageFile(kind: Kind, architecture: Architecture, version: string): string {
  // A pre-release sorts before its release: both kinds have a tilde for that.
  const sortable = version.replace("-", "~");
  return kind === "deb"
    ? `blockcopy_${sortable}-1_${architecture}.deb`
    : `blockcopy-${sortable}-1.${architecture === "amd64" ? "x86_64" : "aarch64"}.rpm`;
}
