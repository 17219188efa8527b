import { UsageError } from "../../errors/copy-error.ts";
import type * as Binding from "../../native/binding.js";
import type { Head } from "../../protocol/block-stream/head.ts";
import type { CopyRequest } from "../../blocks/bounds.ts";
import { checkSpace } from "../../blocks/capacity.ts";
import type { SaveOptions } from "./session.ts";

/** The options of `save` that decide, before the first write, if the copy can succeed. */
export type PreflightOptions = Pick<SaveOptions, "file" | "force" | "sparse" | "carried">;

/**
 * Refuses, before anything is written, a copy that would fail at the end: to a device that is too small, to a file that cannot
 * grow to the size of the source or whose file system is too full, and of an empty source that would empty the destination.
 *
 * The needed space is that of the data in the source. `--sparse` skips the check, because nobody knows yet how much of that
 * data is zeros.
 *
 * @param request undefined if this process has sent none: the stream may then contain any part of the source
 * @throws UsageError, SpaceError
 */
export function preflight(
  sink: Binding.Sink,
  { file, force, sparse, carried }: PreflightOptions,
  head: Head,
  request: CopyRequest | undefined,
): void {
  const { size, kind, data = kind === "device" ? size : undefined } = head.source;
  if (size === undefined) {
    return;
  }
  if (kind === "device" && size === 0) {
    throw new UsageError(
      "the source is a device of 0 bytes; nothing was written",
      "insert a medium, or attach its backing file or volume (`lsblk`, `losetup`), and run it again",
    );
  }
  if (carried.truncate) {
    refuseEmptying(sink, { file, size, force });
  }
  const reachesEnd = request?.reachesEnd ?? (carried.truncate || head.base !== undefined);
  if (!reachesEnd) {
    return;
  }
  if (sink.isDevice && size > sink.size) {
    throw new UsageError(
      `the source has ${size} bytes and the device ${file} only ${sink.size}; nothing was written`,
      "give a larger device, or copy only what fits with --end",
    );
  }
  const whole = request?.whole ?? head.base !== undefined;
  checkSpace(sink, file, size, whole && !sparse ? data : undefined);
}

/**
 * Refuses to truncate a destination to 0 bytes.
 *
 * @param copy `size`: size of the source
 * @throws UsageError
 */
export function refuseEmptying(
  sink: Binding.Sink,
  { file, size, force }: { file: string; size: number; force: boolean },
): void {
  if (size === 0 && sink.size > 0 && !sink.isDevice && !force) {
    throw new UsageError(
      `the source is empty, and --truncate would empty ${file}, which has ${sink.size} bytes`,
      "check the source; --force empties the destination anyway",
    );
  }
}
