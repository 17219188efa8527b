import { ExitCode } from "../errors/exit-codes.ts";
import { CopyError, UsageError } from "../errors/copy-error.ts";
import type * as Binding from "../native/binding.js";
import { fileSizeLimit, spaceFor, yieldsBytes } from "../transport/files/free-space.ts";
import type { StageContext } from "./context.ts";

/** The destination file cannot grow to the size of the copy. */
class SpaceError extends CopyError {
  override readonly name = "SpaceError";

  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.io);
  }
}

/** A destination, as far as the checks before the first write look at it. A dry run does not open it for writing. */
export type Target = Pick<Binding.Sink, "isDevice" | "size"> & {
  /** True for an export, which may be the disk in an image. */
  isExport?: boolean;
  /** For an image that is to be created: the size of its disk is a multiple of this number of bytes. */
  sector?: number;
};

/** Pieces of data to count at most; more would take seconds. */
const MOST_PIECES = 10_000;

/** Returns a lower bound for the bytes of data in a file, holes excluded; for a device, its size. */
export async function dataLength(
  { engine }: Pick<StageContext, "engine">,
  source: Binding.Source,
): Promise<number> {
  let sum = 0;
  for (let at = 0, pieces = 0; at < source.size && pieces < MOST_PIECES; pieces += 1) {
    const { start, end } = await engine.dataFrom(source, at);
    sum += end - start;
    at = end;
  }
  return sum;
}

/**
 * Refuses a file that cannot grow to `size` bytes, or whose file system has too little free space for `data`. A file system
 * that may compress counts as having enough. An image only grows by the data in it.
 *
 * @param data bytes of the source, holes excluded; undefined to skip the check of free space
 * @throws SpaceError
 */
export function checkSpace(
  target: Target,
  file: string,
  size: number,
  data: number | undefined,
): void {
  if (target.isDevice) {
    return;
  }
  const length = target.sector === undefined ? size : Math.min(size, data ?? 0);
  const limit = fileSizeLimit();
  if (length > limit) {
    throw new SpaceError(
      `cannot make ${file} ${length} bytes long: the limit on the size of files (\`ulimit -f\`) is ${limit} bytes; nothing was written`,
      "raise the limit and run it again",
    );
  }
  const { allocated, free, longest } = spaceFor(file);
  if (length > longest) {
    throw new SpaceError(
      `cannot make ${file} ${length} bytes long: its file system allows ${longest} bytes per file; nothing was written`,
      "choose another file system",
    );
  }
  const needed = (data ?? 0) - allocated;
  if (needed > free) {
    throw new SpaceError(
      `cannot write ${file}: ${needed} more bytes are needed and ${free} are free on its file system; nothing was written`,
      "free space there; if much of the source is zeros, --sparse stores them as holes, and skips this check",
    );
  }
}

/**
 * Refuses a device of 0 bytes, such as a card reader without a card, and a file that reports 0 bytes but yields some, such as
 * those in /proc.
 *
 * @throws UsageError
 */
export function refuseEmpty(file: string, { isDevice, isExport = false, size }: Target): void {
  if (size > 0) {
    return;
  }
  if (isExport) {
    throw new UsageError(
      `cannot use ${file}: its disk has 0 bytes`,
      "see what the server serves; an image that was not made to its end can be removed, and made again with --create",
    );
  }
  if (isDevice) {
    throw new UsageError(
      `cannot use ${file}: it is a device of 0 bytes`,
      "insert a medium, or attach its backing file or volume (`lsblk`, `losetup`), and run it again",
    );
  }
  if (yieldsBytes(file)) {
    throw new UsageError(
      `cannot copy ${file}: its size is reported as 0 bytes, but it yields more`,
      "files in /proc and /sys do not report their size: write the content to a regular file first (`cat`), and copy that",
    );
  }
}
