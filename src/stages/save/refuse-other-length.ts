import type { CopyRequest } from "../../blocks/bounds.ts";
import { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import type * as Binding from "../../native/binding.js";
import type { Head } from "../../protocol/block-stream/head.ts";
import { ProtocolError } from "../../protocol/error.ts";
import type { SaveSession } from "./session.ts";

/** The destination ends before the blocks of the source that the stream is about. */
class ShortError extends CopyError {
  override readonly name = "ShortError";

  constructor(message: string) {
    super(
      message,
      "the stream was made for a longer destination: make one from the digests of this one, as it is now",
      ExitCode.protocol,
    );
  }
}

/** The length of the destination has changed during the copy. */
class LengthError extends CopyError {
  override readonly name = "LengthError";
}

/**
 * Refuses a destination that has become shorter since it was compared: what was equal there is missing now, and nothing was written there. A
 * device that was unplugged has 0 bytes.
 *
 * @param opened the file or device, opened for reading
 * @param least the bytes that it had, or as many of them as the copy keeps
 * @throws LengthError
 */
export function refuseCutOff(
  file: string,
  { isDevice, size }: Pick<Binding.Source, "isDevice" | "size">,
  least: number,
): void {
  if (size < least) {
    const [what, who] = isDevice
      ? ["became smaller", "lvreduce, a disk that was unplugged: dmesg"]
      : ["was cut off", "another copy, a job that tidies up"];
    throw new LengthError(
      `${file} ${what} during the copy: ${least} bytes were compared, and it has ${size} now`,
      `find out what did that (${who}), and copy again`,
      ExitCode.differs,
    );
  }
}

/**
 * Refuses a file that has become longer than its source, and was as long before, or shorter.
 *
 * @param opened the file or device, opened for reading
 * @param most the bytes of the source
 * @throws LengthError
 */
export function refuseGrown(
  file: string,
  { isDevice, size }: Pick<Binding.Source, "isDevice" | "size">,
  most: number,
): void {
  if (!isDevice && size > most) {
    throw new LengthError(
      `${file} became longer during the copy: the source has ${most} bytes, and it has ${size} now`,
      "find out what writes to it, and copy again",
      ExitCode.differs,
    );
  }
}

/**
 * Refuses a destination that is shorter than it must be after all blocks, or longer than it may be. Nothing makes a device shorter that is as it should be.
 *
 * In an answer to this process, the source has left out blocks after the old end of the file. Only the last part of a copy can tell, and a part
 * that waits for all others. A stream that this process has not asked for may have been made for a longer file: what was equal there is
 * missing here.
 *
 * @throws ProtocolError, ShortError, LengthError
 */
export async function refuseOtherLength(session: SaveSession): Promise<void> {
  const { context, sink, options, decoder, input } = session;
  const opened = await context.engine.openReader(sink, "off");
  if (sink.isDevice) {
    refuseCutOff(options.file, opened, sink.size);
    return;
  }
  const { head } = decoder;
  const request = await session.request;
  const isFinal = options.hold === true ? request?.reachesEnd : request?.openEnded;
  const least = request === undefined ? endOf(head) : isFinal === true && head?.source.size;
  if (request !== undefined) {
    refuseCutOff(options.file, opened, keptOf(request, head, options.carried));
    refuseGrown(options.file, opened, mostOf(head, options));
  }
  const now = opened.size;
  // A longer one may be fine: its end may be kept, or cut off later.
  if (least === undefined || least === false || now >= least) {
    return;
  }
  const has = `${options.file} has only ${now} after all blocks`;
  if (request === undefined) {
    throw new ShortError(`the stream is about the first ${least} bytes of its source, and ${has}`);
  }
  throw new ProtocolError(
    "damaged",
    input.bytes,
    `the source has ${least} bytes and ${has}: blocks are missing, at byte ${input.bytes} of the block input stream`,
  );
}

/** Returns how many of the bytes that a destination had stay in it. */
function keptOf(
  { size }: CopyRequest,
  head: Head | undefined,
  { truncate }: SaveSession["options"]["carried"],
): number {
  return truncate ? Math.min(size, head?.source.size ?? 0) : size;
}

/** Returns the most bytes that a destination may have in the end. */
function mostOf(head: Head | undefined, { sizes }: SaveSession["options"]): number {
  const isLimited = sizes === "same" || sizes === "new";
  return isLimited ? (head?.source.size ?? Infinity) : Infinity;
}

/** Returns the end of the bytes that a stream makes equal to the source; undefined if it does not tell. */
function endOf(head: Head | undefined): number | undefined {
  const [end, size] = [head?.end, head?.source.size];
  return end === undefined || size === undefined ? undefined : Math.min(end, size);
}
