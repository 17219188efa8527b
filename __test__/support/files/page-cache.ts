// The page cache: counts the pages of a file, drops them, or loads them all.
import { AssertionError } from "node:assert";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lacking, system } from "../programs/tools.ts";

/** The number of bytes of a file in the page cache. */
export function resident(path: string): number {
  return Number(system("fincore", "--raw", "--bytes", "--noheadings", "--output", "RES", path));
}

/** Brings a file to the disk and out of the page cache. */
export function chill(path: string): void {
  system("dd", `of=${path}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none");
}

/** Brings a file to the disk and all of it into the page cache. */
export function warm(path: string): void {
  chill(path);
  readFileSync(path);
}

const ATTEMPTS = 5;

/** Repeats what expects pages to stay in the page cache until it holds: now and then the kernel takes some away. */
export async function undisturbed(attempt: () => Promise<void>): Promise<void> {
  for (let left = ATTEMPTS; left > 1; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error;
    }
  }
  return attempt();
}

/** The reason that the pages of temporary files in the page cache cannot be counted or dropped here, or `false`. */
export function lackingPageCache(): string | false {
  const reason = lacking("fincore", "dd");
  if (reason !== false) return reason;
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-cache-"));
  try {
    const file = join(folder, "probe");
    writeFileSync(file, Buffer.alloc(65_536, 1));
    chill(file);
    return resident(file) === 0 ? false : `files in ${tmpdir()} are never out of the page cache`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
