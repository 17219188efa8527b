import { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
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

/**
 * Refuses a file that is shorter than it must be after all blocks.
 *
 * In an answer to this process, the source has left out blocks after the old end of the file. Only the last part of a copy can tell, and a part
 * that waits for all others. A stream that this process has not asked for may have been made for a longer file: what was equal there is
 * missing here.
 *
 * @throws ProtocolError, ShortError
 */
export async function refuseShort(session: SaveSession): Promise<void> {
  const { context, sink, options, decoder, input } = session;
  const { head } = decoder;
  const request = await session.request;
  const isFinal = options.hold === true ? request?.reachesEnd : request?.openEnded;
  const least = request === undefined ? endOf(head) : isFinal === true && head?.source.size;
  if (least === undefined || least === false || sink.isDevice) {
    return;
  }
  // A longer file is fine here: its end may be kept, or cut off later.
  const { size: now } = await context.engine.openReader(sink, "off");
  if (now >= least) {
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

/** Returns the end of the bytes that a stream makes equal to the source; undefined if it does not tell. */
function endOf(head: Head | undefined): number | undefined {
  const [end, size] = [head?.end, head?.source.size];
  return end === undefined || size === undefined ? undefined : Math.min(end, size);
}
