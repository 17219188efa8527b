// Requirements of a built engine on its host.
import type { Platform } from "../../src/native/platform.ts";
import { isOlder } from "../../src/sync/bootstrap/glibc.ts";
import { readElf } from "./elf.ts";
import { readMachO } from "./macho.ts";
import { GLIBC, MACOS } from "./targets.ts";

/** Libraries that are on every host with that C library. libgcc_s is not: it is a package of its own. */
const LIBRARIES = {
  glibc:
    /^(libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|ld-linux-(x86-64|aarch64)\.so\.[12])$/,
  musl: /^(libc\.so|libc\.musl-(x86_64|aarch64)\.so\.1)$/,
} as const;

/** Numbers of machines in elf(5). */
const MACHINES = { x64: 62, arm64: 183 } as const;

/** Numbers of CPUs in `mach/machine.h`. */
const MAC_CPUS = { x64: 0x0100_0007, arm64: 0x0100_000c } as const;

/** The library that every macOS has in this place. */
const LIB_SYSTEM = "/usr/lib/libSystem.B.dylib";

/**
 * Returns what keeps an engine from being loaded on some hosts of a platform; empty if nothing does.
 *
 * @param oldest the oldest version of glibc, or of macOS, that it must run with
 */
export function faultsOf(
  content: Buffer,
  platform: Platform,
  oldest = platform.os === "darwin" ? MACOS : GLIBC,
): string[] {
  return platform.os === "darwin"
    ? faultsOnMacOS(content, platform, oldest)
    : faultsOnLinux(content, platform, oldest);
}

function faultsOnMacOS(content: Buffer, { cpu }: Platform, macos: string): string[] {
  const {
    cpu: number,
    needed,
    oldest = "any",
    required,
    signed,
    constructors,
  } = readMachO(content);
  const faults: string[] = [];
  if (number !== MAC_CPUS[cpu]) faults.push(`is for CPU ${number}, not for ${cpu}`);
  for (const library of needed)
    if (library !== LIB_SYSTEM) faults.push(`needs the library ${library}`);
  // Node has the symbols of Node-API.
  for (const { name, library } of required)
    if (library !== LIB_SYSTEM && !/^_(napi|node_api)_/.test(name)) faults.push(`needs ${name}`);
  if (oldest === "any" || isOlder(macos, oldest)) faults.push(`needs macOS ${oldest}`);
  // A linker may leave out what nothing refers to.
  if (constructors === 0) faults.push("registers nothing with Node");
  // macOS on ARM64 loads nothing without a signature, which may be one without a name.
  if (cpu === "arm64" && !signed) faults.push("has no signature that fits");
  return faults;
}

function faultsOnLinux(
  content: Buffer,
  { cpu, libc = "glibc" }: Platform,
  glibc: string,
): string[] {
  const { machine, needed, versions } = readElf(content);
  const faults: string[] = [];
  if (machine !== MACHINES[cpu]) faults.push(`is for machine ${machine} of elf(5), not for ${cpu}`);
  for (const library of needed)
    if (!LIBRARIES[libc].test(library)) faults.push(`needs the library ${library}`);
  for (const version of versions) {
    const number = /^GLIBC_(\d+(?:\.\d+)+)$/.exec(version)?.[1];
    if (libc !== "glibc" || number === undefined || isOlder(glibc, number))
      faults.push(`needs ${version}`);
  }
  return faults;
}
