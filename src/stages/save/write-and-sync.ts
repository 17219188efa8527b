import { CancelledError } from "../../blocks/cancellation.ts";
import { isEngineFailure } from "../../errors/engine-failure.ts";
import type { Head } from "../../protocol/block-stream/head.ts";
import type { Trailer } from "../../protocol/block-stream/trailer.ts";
import { COMMAND_LENGTH } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/error.ts";
import { Audit } from "./audit.ts";
import { refuseOtherBase } from "./delta-base.ts";
import { cutOff } from "./metadata.ts";
import { preflight, refuseEmptying } from "./preflight.ts";
import { readTrailer } from "./read-trailer.ts";
import { refuseOtherLength } from "./refuse-other-length.ts";
import { receiveBlocks } from "./write-blocks.ts";
import type { SaveSession } from "./session.ts";

/** Follows a block stream once all other processes of the same copy have written theirs. */
export const ALL_DONE = "done";

/**
 * Writes all blocks of the stream, cuts the file off if that is wanted, and syncs it.
 *
 * @returns what the stream says about the source; undefined if it does not, or if no trailer is needed
 * @throws ProtocolError, UsageError, CancelledError, the engine's failures, and those of the stream
 */
export async function receiveAndSync(
  session: SaveSession,
  { needsTrailer }: { needsTrailer: boolean },
): Promise<Trailer | undefined> {
  const { context, sink, options } = session;
  let trailer: Trailer | undefined;
  try {
    trailer = await receiveAll(session, { needsTrailer });
  } catch (error) {
    return await syncAfter(session, error);
  }
  if (trailer !== undefined && options.carried.truncate) {
    const size = trailer.size ?? sink.size;
    refuseEmptying(sink, { file: options.file, size, force: options.force });
    await cutOff(context, sink, trailer.size);
  }
  context.debug("waiting for the disk");
  await context.engine.sync(sink);
  // Only after the sync, which extends a file that ends with zeros.
  await refuseOtherLength(session);
  return trailer;
}

async function receiveAll(
  session: SaveSession,
  { needsTrailer }: { needsTrailer: boolean },
): Promise<Trailer | undefined> {
  const { context, options, input, decoder, writer } = session;
  const [rest] = await Promise.all([
    receiveBlocks({
      input,
      decoder,
      writer,
      begin: (head) => begin(session, head),
      cancellation: context.cancellation,
    }),
    writer.finished,
  ]);
  session.answers?.end(input.bytes - rest.length);
  context.debug(`${input.bytes} bytes received`);
  context.progress.count("sent", input.bytes);
  if (options.hold === true) {
    await waitForOthers(session, rest);
  }
  if (!needsTrailer) {
    return undefined;
  }
  // An extended stream describes the source in its head and its seal, a legacy one in the trailer, if it has any.
  const { head, root } = decoder;
  return head === undefined ? await readTrailer(input, rest) : { ...head.source, root };
}

/** Checks all that can be known before the first write. */
async function begin(session: SaveSession, head: Head | undefined): Promise<void> {
  const { context, sink, options, writer } = session;
  const request = await session.request;
  writer.bounds = await preflight(context, { target: sink, options, head, request });
  const tellFirst = (offset: number): void =>
    context.warn(
      `the audit has found a difference at offset ${offset}, outside the range map, and repairs it`,
      offset,
    );
  writer.audit = request?.audited && new Audit(request.audited, session.queue, tellFirst);
  writer.digest = head?.digest;
  if (head?.base !== undefined && !options.force) {
    await refuseOtherBase(context, sink, options.file, head, head.base);
  } else if (head?.base !== undefined && options.verify !== "full") {
    context.warn(
      `--force skips the check that this delta was made for ${options.file}; add --verify=full to prove the result`,
    );
  }
  writer.records = await session.cache?.begin(head);
}

/**
 * Syncs what has been written after the stream failed, because the next run builds on it.
 *
 * @param failure the failure of the stream
 * @throws that failure; the failure of the sync instead, unless the first one came from the engine too
 */
async function syncAfter(
  { context: { engine, cancellation }, sink, writer }: SaveSession,
  failure: unknown,
): Promise<never> {
  // A second failed write does not count: the first one is reported.
  await writer.drained().catch(() => undefined);
  try {
    await engine.sync(sink);
    cancellation.synced = writer.changed;
  } catch (error) {
    throw isEngineFailure(failure) ? failure : error;
  }
  throw failure instanceof CancelledError ? cancellation.error() : failure;
}

/**
 * Waits for the word that follows the stream when all other processes that write to the same destination have succeeded.
 *
 * @param rest the bytes after the stream that have been read already
 * @throws ProtocolError if it does not arrive, CancelledError
 */
async function waitForOthers(
  { input, context: { cancellation } }: SaveSession,
  rest: Uint8Array,
): Promise<void> {
  const word = new Uint8Array(COMMAND_LENGTH);
  word.set(rest.subarray(0, word.length));
  const at = input.bytes - rest.length;
  const missing = word.subarray(Math.min(rest.length, word.length));
  await cancellation.race(() => input.readFully(missing), 0);
  if (cancellation.requested) {
    throw cancellation.error();
  }
  if (Buffer.from(word).toString() !== ALL_DONE) {
    throw new ProtocolError("closed", at, `the other streams of this copy have not ended well`);
  }
}
