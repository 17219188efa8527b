import { mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { inBytes } from "../report/numbers.ts";

/** Disk that is used in addition to them: what file systems keep of them, and files of single scenarios, which are 2.8 GiB at most. */
const SPARE_DISK = 3 * 1024 * 1024 * 1024;
/** Memory in addition to the page cache of the two files. */
const SPARE_MEMORY = 1024 * 1024 * 1024;

/**
 * Makes a folder of its own in `parent`, for a number of files of `size` bytes.
 * @throws Error when the disk has no room for all of them, or memory cannot hold two
 */
export function makeRoom(parent: string, size: number, files: number): string {
  const { bavail, bsize } = statfsSync(parent);
  const disk = files * size + SPARE_DISK;
  if (bavail * bsize < disk)
    throw new Error(
      `${parent} has ${inBytes(bavail * bsize)} free and ${inBytes(disk)} are needed; give another --dir or a smaller --size`,
    );
  const available = memoryAvailable();
  const memory = 2 * size + SPARE_MEMORY;
  if (available < memory)
    throw new Error(
      `${inBytes(available)} of memory are available and ${inBytes(memory)} are needed, for a warm page cache; give a smaller --size`,
    );
  return mkdtempSync(join(parent, "blockcopy-bench-"));
}

/** Deletes the folder and what is in it. */
export function clearRoom(folder: string): void {
  rmSync(folder, { recursive: true });
}

/** Bytes that programs can have, the page cache included. See proc_meminfo(5). */
function memoryAvailable(): number {
  const [, kibibytes] =
    /^MemAvailable: *(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8")) ?? [];
  return Number(kibibytes) * 1024;
}
