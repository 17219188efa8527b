import { closeSync, readSync } from "node:fs";

import { openSync, readTextSync, statfsSync, statSync } from "../../native/files.ts";

/** File systems that store a byte of data in a byte: ext2 to ext4, XFS, tmpfs, FAT, exFAT (their magic numbers, see statfs(2)). */
const PLAIN = [0xef53, 0x58465342, 0x01021994, 0x4d44, 0x2011bab0];
const FAT = 0x4d44;
const FAT_LIMIT = 2 ** 32 - 1;

/** The space that a file takes, and may take. */
export interface Space {
  /** Bytes that it takes on the disk. */
  allocated: number;
  /** Bytes that it may take in addition; Infinity where nobody can tell how much data fits. */
  free: number;
  /** Bytes that a file there can have at most; Infinity where that is not known. */
  longest: number;
}

/** The space for a file; without limits where nobody can tell. */
export function spaceFor(file: string): Space {
  try {
    const { type, bsize, bavail, bfree } = statfsSync(file);
    // Root may also take what is reserved.
    const blocks = process.geteuid?.() === 0 ? bfree : bavail;
    return {
      allocated: statSync(file).blocks * 512,
      free: PLAIN.includes(type) ? blocks * bsize : Infinity,
      longest: type === FAT ? FAT_LIMIT : Infinity,
    };
  } catch {
    // Whoever writes to it finds out.
    return { allocated: 0, free: Infinity, longest: Infinity };
  }
}

/** The limit on the size of files that this process has, in bytes; Infinity where there is none, or nobody can tell. */
export function fileSizeLimit(): number {
  try {
    const line = /^Max file size +(\d+)/m.exec(readTextSync("/proc/self/limits"));
    return line === null ? Infinity : Number(line[1]);
  } catch {
    return Infinity;
  }
}

/** True if a file that says that it has 0 bytes yields some, as files in /proc do. What has grown in the meantime has a size. */
export function yieldsBytes(file: string): boolean {
  let fd: number | undefined;
  try {
    fd = openSync(file, "r");
    return readSync(fd, new Uint8Array(1), 0, 1, 0) > 0 && statSync(file).size === 0;
  } catch {
    // Whoever reads it finds out.
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
