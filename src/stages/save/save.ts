import type * as Binding from "../../native/binding.js";
import { isEngineFailure } from "../../errors/engine-failure.ts";
import { BlockDecoder } from "../../protocol/block-stream/decoder.ts";
import { COMMAND_LENGTH } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/error.ts";
import type { Head } from "../../protocol/block-stream/head.ts";
import type { Trailer } from "../../protocol/block-stream/trailer.ts";
import { Input } from "../../transport/streams/streams.ts";
import { receiveBlocks, Writer } from "./block-batches.ts";
import {
  type CopyRequest,
  type Bounds,
  boundsOfAnswer,
  boundsOfStream,
} from "../../blocks/bounds.ts";
import type { StageContext } from "../../blocks/context.ts";
import { refuseOtherBase } from "./delta-base.ts";
import { type Destination, openDestination } from "./destination.ts";
import { refuseEmptying, preflight } from "./preflight.ts";
import { DigestCacheWriter } from "../../digests/cache-writer.ts";
import { type Carried, cutOff, namesOf, refuseMetadata, restoreMetadata } from "./metadata.ts";
import { readTrailer, requireTrailer } from "./read-trailer.ts";
import { CancelledError, type Cancellation } from "../../blocks/cancellation.ts";
import { refuseSize, type Sizes } from "../../blocks/sizes.ts";
import { type Verify, verifyAll, verifyWritten } from "./verify.ts";
import { WrittenBlocks } from "../../blocks/written-blocks.ts";

/** Comes behind a block stream when all others of the same copy are written. */
export const ALL_DONE = "done";

/** Where to write to, and what else to do. */
export interface SaveOptions {
  /** File or device to copy to. */
  file: string;
  /** Write even to a device that is mounted or held. */
  force: boolean;
  /** Make a regular file that is missing. */
  create: boolean;
  /** Lock it, so that nobody else who wants to lock it writes to it meanwhile. */
  lock: boolean;
  /** Make blocks of zeros holes where the destination can have any. */
  sparse: boolean;
  /** Where the digests of the destination are kept; undefined for nowhere. */
  updateDigests: string | undefined;
  /** What is read back at the end. */
  verify: Verify;
  /** What a file gets beside its content. */
  carried: Carried;
  /** Others write to it too, as long as this process has it open: what it gets beside its content waits for word that they are done. */
  hold?: boolean;
  /** Sizes that are allowed for the destination, compared with the source; any if not given. */
  sizes?: Sizes | undefined;
}

/**
 * Reads a block stream from standard input and writes its blocks to a file or device. Done when they are on the
 * disk, and what was to be read back has been.
 *
 * @returns what came of it, in words, where there is something to say
 * @throws ProtocolError, VerifyError, the engine's failures, and those of the stream
 */
export async function save(
  context: StageContext,
  options: SaveOptions,
): Promise<string | undefined> {
  const destination = await openDestination(context, options);
  context.progress.begin(undefined);
  return saveTo(context, destination, options);
}

/**
 * As `save`, to a file or device that is open.
 *
 * @param asked what the stream must be the answer to; undefined where nobody here has asked for anything
 * @throws as `save`
 */
export async function saveTo(
  context: StageContext,
  { sink, keep }: Destination,
  options: Omit<SaveOptions, "create" | "lock">,
  asked?: Promise<CopyRequest>,
): Promise<string | undefined> {
  const { native, engine, debug } = context;
  const { file, force, sparse, verify, updateDigests: digestsFile } = options;
  const input = new Input(native, "block stream");
  // BLAKE3 is the quicker one, and the shorter.
  const written = verify === "none" ? undefined : await WrittenBlocks.begin("blake3");
  const writer = new Writer(context, sink, sparse, written);
  const decoder = new BlockDecoder();
  const kept =
    digestsFile === undefined
      ? undefined
      : await DigestCacheWriter.open(context, sink, digestsFile, file);
  const begin = async (head: Head | undefined): Promise<void> => {
    writer.bounds = await boundsFor(sink, options, head, asked);
    if (head !== undefined) {
      preflight(sink, options, head, await asked);
      await refuseMetadata(context, sink, options.carried, head.source);
    }
    writer.digest = head?.digest;
    if (head?.base !== undefined && !force) {
      await refuseOtherBase(context, sink, file, head, head.base);
    }
    writer.records = await kept?.begin(head);
  };
  const { cancellation } = context;
  const needed = [...namesOf(options.carried), ...(verify === "full" ? ["--verify=full"] : [])];
  const receiving = async (): Promise<Trailer | undefined> => {
    const [behind] = await Promise.all([
      receiveBlocks(input, decoder, writer, begin, cancellation),
      writer.finished,
    ]);
    debug(`${input.bytes} bytes received`);
    context.progress.count("sent", input.bytes);
    if (options.hold === true) {
      await othersAreDone(input, behind, cancellation);
    }
    return needed.length > 0 ? description(input, decoder, behind) : undefined;
  };
  const trailer = await cancellation.during(async () => {
    const described = await receiving().catch((error: unknown) =>
      keepWritten(context, sink, writer, error),
    );
    if (described !== undefined && options.carried.truncate) {
      refuseEmptying(sink, file, described.size ?? sink.size, force);
      await cutOff(context, sink, described.size);
    }
    debug("waiting for the disk");
    await engine.sync(sink);
    // Only now: the sync makes a file longer that ends with zeros.
    await refuseShort(context, sink, options, { head: decoder.head, asked, end: input.bytes });
    return described;
  });
  // The blocks are safe by now, whatever else is missing.
  const [first] = needed;
  if (first !== undefined) {
    requireTrailer(trailer, first, input.bytes);
  }
  if (cancellation.requested && (written !== undefined || kept !== undefined)) {
    cancellation.synced = writer.changed;
    throw cancellation.error();
  }
  const outcome =
    written === undefined ? undefined : await readBack(context, sink, written, options, trailer);
  // Only now: of a file that is not what it should be, they would say that it is.
  if (trailer !== undefined) {
    await cancellation.during(() => restoreMetadata(context, sink, file, options.carried, trailer));
  }
  context.progress.proved({ verified: verify, changed: writer.changed });
  keep();
  // Last: of a destination that is not what it should be, the digests that came with the blocks would be wrong.
  await kept?.update({ root: decoder.root, size: decoder.head?.source.size });
  return outcome;
}

/**
 * Brings what was written to the disk although no more of the stream comes: whoever goes on later relies on it.
 *
 * @throws what ended the stream; or, where that was not a failure of the engine, the failure of the sync
 */
async function keepWritten(
  { engine, cancellation }: StageContext,
  sink: Binding.Sink,
  writer: Writer,
  ended: unknown,
): Promise<never> {
  // After a failed write there may be another: the first one counts.
  await writer.drained().catch(() => undefined);
  try {
    await engine.sync(sink);
    cancellation.synced = writer.changed;
  } catch (error) {
    throw isEngineFailure(ended) ? ended : error;
  }
  throw ended instanceof CancelledError ? cancellation.error() : ended;
}

/**
 * Where a stream may be written to; undefined for anywhere.
 *
 * @throws ProtocolError, UsageError when it is not the answer to what was asked for, or is of a source that does not fit
 */
async function boundsFor(
  sink: Binding.Sink,
  { file, sizes = "any" }: Pick<SaveOptions, "file" | "sizes">,
  head: Head | undefined,
  asking: Promise<CopyRequest> | undefined,
): Promise<Bounds | undefined> {
  const asked = await asking;
  if (asked === undefined) {
    return head && boundsOfStream(head, sink.size);
  }
  const bounds = boundsOfAnswer(asked, head, sizes);
  const size = head?.source.size;
  if (size !== undefined) {
    refuseSize({ destination: file, sizes }, size, asked.size);
  }
  return bounds;
}

/**
 * Waits for the word that follows the stream when all others that write to the same destination have ended well.
 *
 * @throws ProtocolError when it does not come, CancelledError
 */
async function othersAreDone(
  input: Input,
  behind: Uint8Array,
  cancellation: Cancellation,
): Promise<void> {
  const word = new Uint8Array(COMMAND_LENGTH);
  word.set(behind.subarray(0, word.length));
  const at = input.bytes - behind.length;
  const rest = word.subarray(Math.min(behind.length, word.length));
  await cancellation.race(() => input.readFully(rest), 0);
  if (cancellation.requested) {
    throw cancellation.error();
  }
  if (Buffer.from(word).toString() !== ALL_DONE) {
    throw new ProtocolError("closed", at, `The other streams of this copy have not ended well`);
  }
}

/**
 * Refuses a file that the stream has left shorter than the source. A source, or what stands in its place, can name a size and then leave out
 * blocks after the old end of the file; without them, the file has the wrong length.
 *
 * A part that is not the last, and that does not wait for the others, cannot know: the last makes the file longer.
 *
 * @param answer the head of the stream, what it answers, and the bytes of the stream that have been read
 * @throws ProtocolError
 */
async function refuseShort(
  { engine }: StageContext,
  sink: Binding.Sink,
  { file, hold }: Pick<SaveOptions, "file" | "hold">,
  answer: { head: Head | undefined; asked: Promise<CopyRequest> | undefined; end: number },
): Promise<void> {
  const { head, end } = answer;
  const asked = await answer.asked;
  const size = head?.source.size;
  const isFinal = hold === true ? asked?.reachesEnd : asked?.openEnded;
  if (size === undefined || isFinal !== true || sink.isDevice) {
    return;
  }
  // A larger file is not refused here: the end of one may be left alone, or cut off after this.
  const { size: now } = await engine.openReader(sink, "off");
  if (now < size) {
    throw new ProtocolError(
      "damaged",
      end,
      `The source has ${size} bytes and ${file} has only ${now} after all blocks: blocks are missing, at byte ${end} of the block input stream`,
    );
  }
}

/** What the stream says of the source: an extended one at its ends, any other behind them, if at all. */
async function description(
  input: Input,
  { head, root }: BlockDecoder,
  behind: Uint8Array,
): Promise<Trailer | undefined> {
  return head === undefined ? await readTrailer(input, behind) : { ...head.source, root };
}

/** Reads back what is to be read back. */
async function readBack(
  context: StageContext,
  sink: Binding.Sink,
  written: WrittenBlocks,
  { file, verify }: Pick<SaveOptions, "file" | "verify">,
  trailer: Trailer | undefined,
): Promise<string> {
  await written.end();
  const outcome =
    verify === "full"
      ? await verifyAll(context, sink, file, written, trailer ?? {})
      : await verifyWritten(context, sink, file, written);
  context.debug(outcome);
  return outcome;
}
