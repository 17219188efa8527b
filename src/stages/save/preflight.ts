import {
  type Bounds,
  boundsOfAnswer,
  boundsOfStream,
  type CopyRequest,
} from "../../blocks/bounds.ts";
import { checkSpace, type Target } from "../../blocks/capacity.ts";
import type { StageContext } from "../../blocks/context.ts";
import { refuseSize, type Sizes } from "../../blocks/destination-sizes.ts";
import { UsageError } from "../../errors/copy-error.ts";
import { OR_FORCE_EMPTY } from "../../errors/system-advice.ts";
import type { Head } from "../../protocol/block-stream/head.ts";
import { refuseMetadata } from "./metadata.ts";
import type { SaveOptions } from "./session.ts";

/** The beginning of a block stream, and what decides, before the first write, if the copy can succeed. */
export interface Plan {
  /** The destination; a file that does not exist yet has 0 bytes. */
  target: Target;
  options: Pick<SaveOptions, "file" | "force" | "sparse" | "carried" | "verify"> & {
    sizes?: Sizes | undefined;
  };
  /** Undefined for a legacy stream. */
  head: Head | undefined;
  /** Undefined if this process has sent none: the stream may then contain any part of the source. */
  request: CopyRequest | undefined;
}

/**
 * Refuses, before anything is written, a stream that does not answer the request, and a copy that would fail at the end: to a device
 * that is too small, to a file that cannot grow to the size of the source or whose file system is too full, of an empty source that would
 * empty the destination, of a part that is to be verified as a whole, and with attributes that this process may not set.
 *
 * @returns the bounds for the blocks; undefined for a legacy stream that this process has not requested
 * @throws ProtocolError, UsageError, SpaceError, RightError, the engine's failures
 */
export async function preflight(context: StageContext, plan: Plan): Promise<Bounds | undefined> {
  const { options, head } = plan;
  const bounds = boundsFor(plan);
  if (head !== undefined) {
    refuseImpossible(plan, head);
    await refuseMetadata(context, options.file, options.carried, head.source);
  }
  return bounds;
}

function boundsFor({ target, options, head, request }: Plan): Bounds | undefined {
  if (request === undefined) {
    return head && boundsOfStream(head, target.size);
  }
  const { file, sizes = "any" } = options;
  const bounds = boundsOfAnswer(request, head, sizes);
  const size = head?.source.size;
  if (size !== undefined) {
    refuseSize({ destination: file, sizes }, size, request.size);
  }
  return bounds;
}

/**
 * Refuses a copy that cannot succeed.
 *
 * The needed space is that of the data in the source. `--sparse` skips the check, because the amount of zeros in that data is not
 * known yet.
 */
function refuseImpossible(plan: Plan, head: Head): void {
  const { target, options, request } = plan;
  const { file, force, sparse, carried } = options;
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
  refuseSizeOfDisk(target, file, size);
  if (carried.truncate) {
    refuseEmptying(target, { file, size, force });
  }
  if (options.verify === "full" && !coversSource(plan, head, size)) {
    throw new UsageError(
      `--verify=full compares all of the source, and only a part of it is copied to ${file}; nothing was written`,
      "use --verify=written, or copy all of the source",
    );
  }
  const end = endOf(plan, head, size);
  if (end === undefined) {
    return;
  }
  if (target.isDevice && end > target.size) {
    const what =
      end === size ? `the source has ${size} bytes` : `the stream reaches to offset ${end}`;
    throw new UsageError(
      `${what} and the device ${file} only ${target.size}; nothing was written`,
      "give a larger device, or copy only what fits with --end",
    );
  }
  const whole = request?.whole ?? head.base !== undefined;
  checkSpace(target, file, end, whole && !sparse ? data : undefined);
}

/** Refuses a source that no disk in a new image can be as large as. */
function refuseSizeOfDisk({ sector }: Target, file: string, size: number): void {
  if (sector !== undefined && (size === 0 || size % sector !== 0)) {
    throw new UsageError(
      `the source has ${size} bytes, and the disk in an image a multiple of ${sector}; ${file} was not created`,
      size === 0
        ? "check the source"
        : "copy it to a raw file, or extend the source (`truncate -s %512 SOURCE`) if it may be longer",
    );
  }
}

/** True if the stream can have every block of the source, as far as that is known: only then does it name the root digest. */
function coversSource({ request }: Plan, head: Head, size: number): boolean {
  if (request === undefined) {
    return (head.end ?? size) >= size;
  }
  return request.whole || request.coveredTo >= size;
}

/** Returns the end of what may be written, as an offset; undefined if it is not known, or at most that of the destination. */
function endOf({ options, request }: Plan, head: Head, size: number): number | undefined {
  if (request !== undefined) {
    return request.reachesEnd ? size : undefined;
  }
  const end = options.carried.truncate || head.base !== undefined ? size : head.end;
  return end === undefined ? undefined : Math.min(end, size);
}

/**
 * Refuses to truncate a destination to 0 bytes.
 *
 * @param copy `size`: size of the source
 * @throws UsageError
 */
export function refuseEmptying(
  target: Target,
  { file, size, force }: { file: string; size: number; force: boolean },
): void {
  if (size === 0 && target.size > 0 && !target.isDevice && !force) {
    throw new UsageError(
      `the source is empty, and --truncate would empty ${file}, which has ${target.size} bytes`,
      `check the source${OR_FORCE_EMPTY}`,
    );
  }
}
