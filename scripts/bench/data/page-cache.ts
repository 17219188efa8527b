import { run, runIfInstalled } from "../../common/processes.ts";

/** Reads the file, so that the page cache holds it. */
export function readIntoCache(path: string): void {
  run(["dd", `if=${path}`, "of=/dev/null", "bs=1M", "status=none"]);
}

/**
 * Drops the file from the page cache, which needs no root and leaves the rest of the machine alone.
 * @throws Error when some of it stays
 */
export function dropFromCache(path: string): void {
  run(["sync", path]);
  // As coreutils document it: posix_fadvise(2), POSIX_FADV_DONTNEED.
  run(["dd", `if=${path}`, "iflag=nocache", "count=0", "status=none"]);
  const left = residentPages(path);
  if (left !== "0") throw new Error(`${left} pages of ${path} stay in the page cache`);
}

/** The reason that {@link dropFromCache} does not work on `path`; `undefined` if it does. */
export function whyNotDropped(path: string): string | undefined {
  if (runIfInstalled(["fincore", "--version"]) === undefined) return "fincore is not installed";
  try {
    dropFromCache(path);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function residentPages(path: string): string {
  return run(["fincore", "--raw", "--noheadings", "--output", "PAGES", path]).stdout.trim();
}
