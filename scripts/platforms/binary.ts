// Requirements of a built engine on its host.
import type { Platform } from "../../src/native/platform.ts";
import { isOlder } from "../../src/sync/bootstrap/glibc.ts";
import { readElf } from "./elf.ts";

/** Libraries that are on every host with that C library. libgcc_s is not: it is a package of its own. */
const LIBRARIES = {
  glibc:
    /^(libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|ld-linux-(x86-64|aarch64)\.so\.[12])$/,
  musl: /^(libc\.so|libc\.musl-(x86_64|aarch64)\.so\.1)$/,
} as const;

/** Numbers of machines in elf(5). */
const MACHINES = { x64: 62, arm64: 183 } as const;

/**
 * Returns what keeps an engine from being loaded on some hosts of a platform; empty if nothing does.
 *
 * @param glibc the oldest version of glibc that it must run with
 */
export function faultsOf(content: Buffer, { cpu, libc }: Platform, glibc: string): string[] {
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
