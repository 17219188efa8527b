// Holes of files: whether the temporary filesystem has any, and how much of a file is there.
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lacking, system } from "../programs/tools.ts";

/** The most that a file system takes for its own bookkeeping of a file, in bytes. */
export const BOOKKEEPING = 65_536;

/** The number of bytes that the file system has allocated for a file. */
export function allocated(path: string): number {
  return statSync(path).blocks * 512;
}

/** The reason that holes cannot be made in temporary files here, or `false`. */
export function lackingHoles(): string | false {
  const reason = lacking("fallocate");
  if (reason !== false) return reason;
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-holes-"));
  try {
    const file = join(folder, "probe");
    writeFileSync(file, Buffer.alloc(2 ** 20, 1));
    system("fallocate", "--punch-hole", "--offset", "0", "--length", String(2 ** 20), file);
    return allocated(file) <= BOOKKEEPING ? false : `${tmpdir()} keeps space for holes`;
  } catch {
    return `the filesystem of ${tmpdir()} has no holes`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
