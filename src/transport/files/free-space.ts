import { closeSync, readSync } from "node:fs";
import { dirname } from "node:path";

import { systemCode } from "../../errors/stream-errors.ts";
import { openSync, readTextSync, statfsSync, statSync } from "../../native/files.ts";

/** File systems without compression, by magic number, see statfs(2): ext2 to ext4, XFS, tmpfs, FAT, exFAT. */
const UNCOMPRESSED = [0xef53, 0x58465342, 0x01021994, 0x4d44, 0x2011bab0];
const FAT = 0x4d44;
const FAT_LIMIT = 2 ** 32 - 1;

/** The space that a file takes and can take. */
export interface Space {
  /** Bytes that it takes on the disk. */
  allocated: number;
  /** Bytes that are free; Infinity if the file system does not tell how much data fits into them. */
  free: number;
  /** Maximum size of a file there; Infinity if unknown. */
  longest: number;
}

/** Returns the space for a file, which need not exist yet. Limits that cannot be found out are Infinity. */
export function spaceFor(file: string): Space {
  try {
    const allocated = allocatedTo(file);
    const { type, bsize, bavail, bfree } = statfsSync(
      allocated === undefined ? dirname(file) : file,
    );
    // Root may also use the reserved blocks.
    const blocks = process.geteuid?.() === 0 ? bfree : bavail;
    return {
      allocated: allocated ?? 0,
      free: UNCOMPRESSED.includes(type) ? blocks * bsize : Infinity,
      longest: type === FAT ? FAT_LIMIT : Infinity,
    };
  } catch {
    // Writing to the file reports what is wrong.
    return { allocated: 0, free: Infinity, longest: Infinity };
  }
}

/** Returns the bytes that a file takes on the disk; undefined if it does not exist. */
function allocatedTo(file: string): number | undefined {
  try {
    return statSync(file).blocks * 512;
  } catch (error) {
    if (systemCode(error) === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

/** Returns the file size limit of this process (RLIMIT_FSIZE) in bytes; Infinity if it has no limit or it is unknown. */
export function fileSizeLimit(): number {
  try {
    const line = /^Max file size +(\d+)/m.exec(readTextSync("/proc/self/limits"));
    return line === null ? Infinity : Number(line[1]);
  } catch {
    return Infinity;
  }
}

/** True if a file has size 0 and content, as files in /proc do. A file that has grown in the meantime has a size. */
export function yieldsBytes(file: string): boolean {
  let fd: number | undefined;
  try {
    fd = openSync(file, "r");
    return readSync(fd, new Uint8Array(1), 0, 1, 0) > 0 && statSync(file).size === 0;
  } catch {
    // Reading the file reports what is wrong.
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
