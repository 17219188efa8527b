import { UsageError } from "../../errors/copy-error.ts";
import type * as Binding from "../../native/binding.js";
import type { Head } from "../../protocol/block-stream/head.ts";
import type { CopyRequest } from "../../blocks/bounds.ts";
import { checkSpace } from "../../blocks/capacity.ts";
import type { SaveOptions } from "./save.ts";

/** The facts about a copy that tell, before the first write, if it can succeed. */
export type PreflightOptions = Pick<SaveOptions, "file" | "force" | "sparse" | "carried">;

/**
 * Refuses, before anything is written, what would fail at the end: a device that is too small, a file that cannot become as long as the
 * source, or for which there is no room, and a source without a byte that would empty the destination.
 *
 * Room is counted by the data of the source. What of it is zeros is not known, so `--sparse`, which makes holes of them, leaves that out.
 *
 * @param asked what was asked for; undefined where nobody here has asked for anything: then a part of the source may be all that comes
 * @throws UsageError, SpaceError
 */
export function preflight(
  sink: Binding.Sink,
  { file, force, sparse, carried }: PreflightOptions,
  head: Head,
  asked: CopyRequest | undefined,
): void {
  const { size, kind, data = kind === "device" ? size : undefined } = head.source;
  if (size === undefined) {
    return;
  }
  if (kind === "device" && size === 0) {
    throw new UsageError(
      "the source is a device of 0 bytes; nothing was written",
      "put a medium into it, or attach what belongs to it (`lsblk`, `losetup`), and run it again",
    );
  }
  if (carried.truncate) {
    refuseEmptying(sink, file, size, force);
  }
  const toTheEnd = asked?.reachesEnd ?? (carried.truncate || head.base !== undefined);
  if (!toTheEnd) {
    return;
  }
  if (sink.isDevice && size > sink.size) {
    throw new UsageError(
      `the source has ${size} bytes and the device ${file} only ${sink.size}; nothing was written`,
      "give a device that is large enough, or --end, to copy only as much as fits",
    );
  }
  const whole = asked?.whole ?? head.base !== undefined;
  checkSpace(sink, file, size, whole && !sparse ? data : undefined);
}

/**
 * Refuses to cut a destination off to nothing.
 *
 * @param size bytes in the source
 * @throws UsageError
 */
export function refuseEmptying(
  sink: Binding.Sink,
  file: string,
  size: number,
  force: boolean,
): void {
  if (size === 0 && sink.size > 0 && !sink.isDevice && !force) {
    throw new UsageError(
      `the source is empty, and --truncate would cut ${file} off to nothing, which has ${sink.size} bytes`,
      "look at the source; --force empties the destination nevertheless",
    );
  }
}
