import { join } from "node:path";
import { run } from "../../common/processes.ts";
import { readIntoCache, whyNotDropped } from "./page-cache.ts";

/** Tries on a small file what the file system of `folder` can do. */
export function probe(folder: string): {
  readonly noDirectIo: string | undefined;
  readonly noCacheDrop: string | undefined;
} {
  const file = join(folder, "probe");
  run(["dd", "if=/dev/urandom", `of=${file}`, "bs=1M", "count=1", "status=none"]);
  readIntoCache(file);
  return { noCacheDrop: whyNotDropped(file), noDirectIo: whyNotDirect(file) };
}

function whyNotDirect(file: string): string | undefined {
  const direct = ["bs=1M", "iflag=direct", "oflag=direct", "conv=notrunc", "status=none"];
  try {
    run(["dd", `if=${file}`, `of=${file}`, ...direct]);
    return undefined;
  } catch {
    return "this file system has no direct I/O";
  }
}
