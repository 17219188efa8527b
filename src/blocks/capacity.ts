import { ExitCode } from "../errors/exit-codes.ts";
import { CopyError, UsageError } from "../errors/copy-error.ts";
import type * as Binding from "../native/binding.js";
import { fileSizeLimit, spaceFor, yieldsBytes } from "../transport/files/free-space.ts";
import type { StageContext } from "./context.ts";

/** A file cannot become what it is to be. */
class SpaceError extends CopyError {
  override readonly name = "SpaceError";

  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.io);
  }
}

/** Pieces of data that are counted; more would take seconds. */
const MOST_PIECES = 10_000;

/** Bytes of data in a source, without its holes, at least; of a device, its size. */
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
 * Refuses a file that cannot become `size` bytes long, or for whose `data` there is no room. Where the file system may compress, room is not
 * looked at.
 *
 * @param data bytes of the source without its holes; undefined where it is not known how many of them are zeros
 * @throws SpaceError
 */
export function checkSpace(
  sink: Binding.Sink,
  file: string,
  size: number,
  data: number | undefined,
): void {
  if (sink.isDevice) {
    return;
  }
  const limit = fileSizeLimit();
  if (size > limit) {
    throw new SpaceError(
      `cannot make ${file} ${size} bytes long: the limit on the size of files (\`ulimit -f\`) is ${limit} bytes; nothing was written`,
      "raise the limit and run it again",
    );
  }
  const { allocated, free, longest } = spaceFor(file);
  if (size > longest) {
    throw new SpaceError(
      `cannot make ${file} ${size} bytes long: its file system has no files of more than ${longest} bytes; nothing was written`,
      "choose another file system",
    );
  }
  const needed = (data ?? 0) - allocated;
  if (needed > free) {
    throw new SpaceError(
      `cannot write ${file}: ${needed} more bytes are needed and ${free} are free on its file system; nothing was written`,
      "make room there; where much of the source is zeros, --sparse leaves them out, and room is not looked at",
    );
  }
}

/**
 * Refuses a device of 0 bytes, such as a card reader without a card, because no copy of it is useful; and a file that reports a size of
 * 0 bytes but yields some, as files in /proc do.
 *
 * @throws UsageError
 */
export function refuseEmpty(file: string, { isDevice, size }: Binding.Source | Binding.Sink): void {
  if (size > 0) {
    return;
  }
  if (isDevice) {
    throw new UsageError(
      `cannot use ${file}: it is a device of 0 bytes`,
      "put a medium into it, or attach what belongs to it (`lsblk`, `losetup`), and run it again",
    );
  }
  if (yieldsBytes(file)) {
    throw new UsageError(
      `cannot copy ${file}: it says that it has 0 bytes, and yields more`,
      "files in /proc and /sys do not say how long they are: write it into a file first (`cat`), and copy that",
    );
  }
}
