import type { StageContext } from "../../blocks/context.ts";
import { WrittenBlocks } from "../../blocks/written-blocks.ts";
import type { CacheWriter } from "../../digests/cache-writer.ts";
import type * as Binding from "../../native/binding.js";
import { BlockDecoder } from "../../protocol/block-stream/decoder.ts";
import type { Trailer } from "../../protocol/block-stream/trailer.ts";
import { Input } from "../../transport/streams/input.ts";
import { warnOfImage } from "../image/choose-format.ts";
import { BlockWriter } from "./block-writer.ts";
import { type Destination, openDestination } from "./destination.ts";
import { namesOf, restoreMetadata } from "./metadata.ts";
import { refuseLost } from "./refuse-lost.ts";
import { refuseOtherLength } from "./refuse-other-length.ts";
import { requireTrailer } from "./read-trailer.ts";
import { receiveAndSync } from "./write-and-sync.ts";
import { verifyAll, verifyWritten } from "./verify.ts";
import type { verifyParts } from "./verify-parts.ts";
import type { Asked, SaveOptions, SaveSession } from "./session.ts";

/**
 * Reads a block stream from standard input and writes its blocks to a file or device. Returns after the sync, and after
 * reading back what `verify` names.
 *
 * @returns a sentence about the result, if there is something to say
 * @throws ProtocolError, VerifyError, the engine's failures, and those of the stream
 */
export async function save(
  context: StageContext,
  options: SaveOptions,
): Promise<string | undefined> {
  const destination = await openDestination(context, options);
  context.progress.begin(undefined);
  const reader = await context.engine.openReader(destination.sink, context.direct);
  await warnOfImage(context, options.file, reader, options.image);
  return saveTo(context, destination, options);
}

/**
 * Does what `save` does, for a destination that is already open.
 *
 * @param asked the request that the stream must answer, and the marks that it must have; without them if this process has sent none
 * @throws the errors of `save`
 */
export async function saveTo(
  context: StageContext,
  destination: Destination,
  options: Omit<SaveOptions, "create" | "lock">,
  asked: Asked = {},
): Promise<string | undefined> {
  const { progress, cancellation } = context;
  const { sink, keep } = destination;
  const { verify, carried } = options;
  if (verify === "full" && asked.answers !== undefined) {
    // Needed at the end: an upgrade of this program during the copy removes the file that has it.
    await partsVerifier();
  }
  // BLAKE3 is the faster digest, and the shorter one.
  const written = verify === "none" ? undefined : await WrittenBlocks.begin("blake3");
  const session = await beginSession(context, { destination, options, asked, written });
  const { writer, cache, decoder } = session;
  const trailer = await receiveAll(session);
  if (cancellation.requested && (written !== undefined || cache !== undefined)) {
    cancellation.synced = writer.changed;
    throw cancellation.error();
  }
  const outcome = written && (await readBack(session, written, trailer));
  // Only after reading back: the metadata of the source must not adorn a file with wrong content.
  if (trailer !== undefined) {
    await cancellation.during(() => restoreMetadata(context, sink, options.file, carried, trailer));
  }
  refuseLost(options.file, await context.engine.openReader(sink, "off"), { hasWritten: true });
  // Checked again: something may have cut the file off while it was read back.
  await refuseOtherLength(session);
  progress.proved({
    verified: verify,
    changed: writer.changed,
    ...(writer.audit && { audit: writer.audit.findings }),
  });
  keep();
  // Last: the digests in the stream are wrong for a destination that failed any of the above.
  const { root, parts, head } = decoder;
  const isAnswer = asked.request !== undefined;
  await cache?.update({ root, parts, size: head?.source.size, isAnswer });
  return outcome;
}

/** Makes what receives the stream and writes its blocks. */
async function beginSession(
  context: StageContext,
  {
    destination: { sink, beforeWrite },
    options,
    asked,
    written,
  }: {
    destination: Destination;
    options: Omit<SaveOptions, "create" | "lock">;
    asked: Asked;
    written: WrittenBlocks | undefined;
  },
): Promise<SaveSession> {
  const { request, answers, queue, input = new Input(context.native, "block stream") } = asked;
  const writing = { sparse: options.sparse, written, beforeWrite, copy: queue?.copy };
  const writer = new BlockWriter(context, sink, writing);
  const cache = asked.cache ?? (await openCache(context, sink, options));
  const decoder = new BlockDecoder(
    answers && ((offset, streamOffset) => answers.take(offset, streamOffset)),
  );
  return { context, sink, options, request, answers, queue, input, decoder, writer, cache };
}

/** Writes and syncs what the stream has. Returns its trailer, which it must have if the options need it. */
async function receiveAll(session: SaveSession): Promise<Trailer | undefined> {
  const { context, options, input } = session;
  const { carried, verify } = options;
  const needed = [...namesOf(carried), ...(verify === "full" ? ["--verify=full"] : [])];
  const trailer = await context.cancellation.during(() =>
    receiveAndSync(session, { needsTrailer: needed.length > 0 }),
  );
  // Only now: whatever else is missing, the blocks are on the disk.
  const [first] = needed;
  if (first !== undefined) {
    requireTrailer(trailer, first, input.bytes);
  }
  return trailer;
}

async function openCache(
  context: StageContext,
  sink: Binding.Sink,
  { file, updateDigests }: Pick<SaveOptions, "file" | "updateDigests">,
): Promise<CacheWriter | undefined> {
  if (updateDigests === undefined) {
    return undefined;
  }
  const { DigestCacheWriter } = await import("../../digests/cache-writer.ts");
  return DigestCacheWriter.open(context, sink, { path: updateDigests, destination: file });
}

async function readBack(
  session: SaveSession,
  written: WrittenBlocks,
  trailer: Trailer | undefined,
): Promise<string> {
  const { context, sink, options, answers } = session;
  const { file, verify } = options;
  await written.end();
  const outcome =
    verify === "written"
      ? await verifyWritten(context, sink, file, written)
      : answers === undefined
        ? await verifyAll(context, sink, file, written, trailer ?? {})
        : await verifyShare(session, written);
  context.debug(outcome);
  return outcome;
}

/** Loads what only a copy over several streams needs. */
async function partsVerifier(): Promise<typeof verifyParts> {
  return (await import("./verify-parts.ts")).verifyParts;
}

/** Verifies the parts of one of several streams. */
async function verifyShare(
  { context, sink, options, decoder, request }: SaveSession,
  written: WrittenBlocks,
): Promise<string> {
  const verifier = await partsVerifier();
  const { head, parts } = decoder;
  const share = { request: await request, size: head?.source.size, parts };
  return verifier(context, sink, options.file, written, share);
}
