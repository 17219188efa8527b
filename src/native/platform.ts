// The platforms that the engine is built for, each in a package of its own: npm installs the one that fits. The scripts that build them read this too.
import { closeSync, openSync, readSync } from "node:fs";

/** A C library of Linux. */
export type Libc = "glibc" | "musl";

/** A platform by the names that npm gives its parts. */
export interface Platform {
  os: "linux" | "darwin";
  cpu: "x64" | "arm64";
  /** Undefined for macOS, which has one C library. */
  libc?: Libc;
}

/** All platforms that there is an engine for. */
export const PLATFORMS: readonly Platform[] = [
  { os: "linux", cpu: "x64", libc: "glibc" },
  { os: "linux", cpu: "arm64", libc: "glibc" },
  { os: "linux", cpu: "x64", libc: "musl" },
  { os: "linux", cpu: "arm64", libc: "musl" },
  { os: "darwin", cpu: "x64" },
  { os: "darwin", cpu: "arm64" },
];

/** The supported platforms, for messages. */
export const PLATFORMS_IN_WORDS =
  "Linux on x86-64 or ARM64, with glibc 2.17 or later, or with musl, or on macOS 11 or later";

/** Name of a platform, as `linux-x64-gnu`: the folder of its package below npm/. */
export function platformName({ os, cpu, libc }: Platform): string {
  const suffix = { glibc: "-gnu", musl: "-musl" } as const;
  return `${os}-${cpu}${libc === undefined ? "" : suffix[libc]}`;
}

/** Name of the npm package that carries the engine for a platform. */
export function packageOf(platform: Platform): string {
  return `blockcopy-${platformName(platform)}`;
}

/** Name of the engine's file in the package for a platform. */
export function engineFileOf(platform: Platform): string {
  return `blockcopy.${platformName(platform)}.node`;
}

/** Returns the platform that this process runs on; undefined if there is no engine for it. */
export function platformHere(): Platform | undefined {
  const { platform: os, arch: cpu } = process;
  const same = PLATFORMS.filter((known) => known.os === os && known.cpu === cpu);
  if (same.length < 2) {
    return same[0];
  }
  const libc = libcHere();
  return same.find((known) => known.libc === libc);
}

/**
 * Returns the C library of this process. Reading the name of the dynamic linker from the program takes 0.6 ms; a report of
 * Node takes 5 ms.
 */
function libcHere(): Libc {
  return libcOf(process.execPath) ?? (glibcHere() === undefined ? "musl" : "glibc");
}

/** Returns the C library of a program by the name of its dynamic linker; undefined if the file does not name one or cannot be read. */
export function libcOf(program: string): Libc | undefined {
  // The name comes first in the file, right after the headers.
  const start = Buffer.alloc(4096);
  try {
    const fd = openSync(program, "r");
    try {
      readSync(fd, start);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
  const linker = /\/ld-(musl|linux)-[\w-]+\.so\.\d+\0/.exec(start.toString("latin1"))?.[1];
  switch (linker) {
    case undefined:
      return undefined;
    case "musl":
      return "musl";
    default:
      return "glibc";
  }
}

/** Returns the version of glibc that this process runs with; undefined for another C library. */
export function glibcHere(): string | undefined {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
}
