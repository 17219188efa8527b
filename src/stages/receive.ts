import { setTimeout as sleep } from "node:timers/promises";

import { type BlockRequest, type CopyRequest, reachOf } from "../blocks/bounds.ts";
import type { StageContext } from "../blocks/context.ts";
import { partOf } from "../blocks/part.ts";
import type { PartQueue } from "../blocks/part-queue.ts";
import { UsageError } from "../errors/copy-error.ts";
import { ReaderGoneError } from "../errors/stream-errors.ts";
import type * as Binding from "../native/binding.js";
import { syncFolder } from "../transport/files/file-names.ts";
import { Output } from "../transport/streams/output.ts";
import { type Progress, silent } from "../ui/progress.ts";
import type { SharedDestination } from "./ask-for-size.ts";
import type { SharedParts } from "./checksum/digest-options.ts";
import { sendDigests } from "./checksum/send-digests.ts";
import { warnOfImage } from "./image/choose-format.ts";
import { type Destination, openDestination } from "./save/destination.ts";
import { saveTo } from "./save/save.ts";
import type { ReceiveOptions } from "./receive-options.ts";
import { openPastCache, openReader as openDirectReader } from "./save/verify.ts";
import type { StreamCache } from "./stream-cache.ts";

/**
 * Does both stages of a destination in one process: writes the digests of a file or device to standard output, and the
 * blocks from standard input to it. The destination stays open, and a device claimed, from the first read to the sync.
 *
 * @returns a sentence about the result, if there is something to say
 * @throws the errors of `checksum` and `save`
 */
export async function receive(
  context: StageContext,
  options: ReceiveOptions,
): Promise<string | undefined> {
  const { native } = context;
  const { legacy } = options;
  const queue = await joinedQueue(context, options);
  const destination = await openDestination(context, openingFor(options, queue));
  const reader = await openReader(context, destination, options);
  queue?.refuseOther(options.file, reader.instance());
  await warnOfImage(context, options.file, reader, options.image);
  await describe(context, destination, options);
  const kept = await cacheOfStream(context, { sink: destination.sink, reader }, options, queue);
  const wanted = { ...(await withRanges(options)), ...(kept && { hashing: kept.hashing }) };
  const output = new Output(native, "hash stream", { rate: options.rate });
  const ends = { sink: destination.sink, reader, output };
  const shared = await sharedBy(context, ends, { ...wanted, kept }, queue);
  const digests = {
    ...wanted,
    ...(shared === undefined && onlyPart(reader, options)),
    shared,
    extended: !legacy,
    sized: !legacy,
    located: !legacy,
  };
  const { request, onRequest } = awaitRequest(options, shared);
  const saving = { ...context, progress: progressOfSave(context.progress, { legacy }) };
  const ofStreams = { answers: shared?.answers, queue: shared?.queue, cache: kept?.writer };
  const asked = { request, ...ofStreams, input: shared?.answer };
  // The cache that the streams share is no business of this process alone.
  const written = { ...options, ...(kept && { updateDigests: undefined }) };
  const saved = saveTo(saving, destination, written, asked);
  const sent = output.whileRead(() =>
    sendDigests(context, reader, { ...digests, onRequest }, output),
  );
  const [outcome] = await Promise.all([saved, sent.catch((error) => failAfter(saved, error))]);
  await describe(context, destination, options);
  if (options.create && queue !== undefined) {
    // The process that has created the file would have done that.
    await syncFolder(options.file);
  }
  return outcome;
}

/** Opens the queue that the first stream has made; undefined for the process that makes it, and if the parts are fixed. */
async function joinedQueue(
  context: StageContext,
  { part, queue, replaces }: ReceiveOptions,
): Promise<PartQueue | undefined> {
  if (part === undefined || queue === undefined || queue === "new") {
    return undefined;
  }
  const { joinQueue } = await import("./join-queue.ts");
  return joinQueue(context, { name: queue, stream: part.number, replaces });
}

/** Returns the options for opening the destination. The process that has made the queue has created, claimed and locked it for all. */
function openingFor(options: ReceiveOptions, queue: PartQueue | undefined): ReceiveOptions {
  return queue === undefined ? options : { ...options, create: false, lock: false, force: true };
}

/** Opens the destination for reading. */
async function openReader(
  context: StageContext,
  { sink }: Destination,
  { replaces, verify }: ReceiveOptions,
): Promise<Binding.Source> {
  const { engine, direct } = context;
  if (replaces === undefined) {
    return engine.openReader(sink, direct);
  }
  // Blocks that the lost process has written count as the same, so they must be on the disk. They are read from there, because the page cache
  // may still have a block that the disk has refused, and only the lost process was told so.
  await engine.sync(sink);
  return verify === "none"
    ? openPastCache(engine, sink, () => direct)
    : openDirectReader(context, sink);
}

/** Opens the digest cache that the streams of a copy share; undefined without one, and for a copy over a single stream. */
async function cacheOfStream(
  context: StageContext,
  destination: { sink: Binding.Sink; reader: Binding.Source },
  { file, part, queue: name, cache, hashing, replaces }: ReceiveOptions,
  queue: PartQueue | undefined,
): Promise<StreamCache | undefined> {
  if (part === undefined || cache === undefined) {
    return undefined;
  }
  if (name === undefined) {
    throw new UsageError(
      "--digest-cache and --part need --queue",
      "give --queue=new, or leave out --digest-cache",
    );
  }
  const { cacheOfFirst, cacheOfLater, cacheOfNewFirst } = await import("./stream-cache.ts");
  const opening = { file, part, cache, hashing };
  if (queue === undefined) {
    return cacheOfFirst(context, destination, opening);
  }
  const joined = { sink: destination.sink, queue };
  return part.number === 1
    ? cacheOfNewFirst(context, joined, opening)
    : cacheOfLater(context, joined, opening, { isReplacing: replaces !== undefined });
}

/** Returns the parts that this process takes from a queue; undefined if there is only one part, or the parts are fixed. */
async function sharedBy(
  context: StageContext,
  destination: SharedDestination,
  { part, queue: name, ...options }: ReceiveOptions & { kept: StreamCache | undefined },
  queue: PartQueue | undefined,
): Promise<SharedParts | undefined> {
  if (part === undefined || name === undefined) {
    return undefined;
  }
  const { sharedParts } = await import("./shared-parts.ts");
  return sharedParts(context, destination, { ...options, part }, queue);
}

/** Describes the destination as it is now, if that is wanted. */
async function describe(
  context: StageContext,
  { sink }: Destination,
  { describe: tell }: ReceiveOptions,
): Promise<void> {
  if (tell !== undefined) {
    const { describeDestination } = await import("./describe-destination.ts");
    tell(await describeDestination(context, sink));
  }
}

/** Milliseconds that the block stream may go on after the reader of the digests has gone. */
const MOST_AFTER_READER = 1500;

/**
 * Waits until what has arrived is written and synced: a source that ends closes both streams, and its end may be seen first on the
 * one for the digests. If the block stream stays open, nothing waits for it.
 *
 * @param saved the writing of the blocks, whose failure is reported first
 * @param failure the failure of the digests
 * @throws that failure
 */
export async function failAfter(saved: Promise<unknown>, failure: unknown): Promise<never> {
  if (failure instanceof ReaderGoneError) {
    await Promise.race([saved.catch(() => undefined), sleep(MOST_AFTER_READER)]);
  }
  throw failure;
}

/**
 * Returns the progress for the writing half: its bytes do not count, because those of the reading half do. The source counts
 * the changed blocks, unless it speaks the legacy protocol.
 */
export function progressOfSave(progress: Progress, { legacy }: { legacy: boolean }): Progress {
  return {
    ...silent,
    aside: progress.aside.bind(progress),
    proved: progress.proved.bind(progress),
    ...(legacy && { count: progress.count.bind(progress) }),
  };
}

/** Returns the range whose digests this process sends, if other processes send the rest. */
function onlyPart(
  { size }: Binding.Source,
  { start, end, part, hashing }: ReceiveOptions,
): Pick<ReceiveOptions, "start" | "end"> {
  // A range beyond the end is refused later, with the offsets that were given.
  if (part === undefined || start > size || (end ?? 0) > size) {
    return { start, end };
  }
  const found = partOf(part, start, Math.max(start, end ?? size), hashing.blockSize);
  return part.number === part.count ? { ...found, end } : found;
}

/** Returns the function that is called with the request, and a promise of it, with what all parts of the copy ask for together. */
export function awaitRequest(
  options: ReceiveOptions,
  shared?: SharedParts,
): {
  request: Promise<CopyRequest>;
  onRequest: (part: BlockRequest) => void;
} {
  let onRequest!: (part: BlockRequest) => void;
  const request = new Promise<CopyRequest>((resolve) => {
    // The same object, which changes as this process takes parts of the copy.
    onRequest = (part) => resolve(Object.assign(part, wholeRequest(part, options, shared)));
  });
  return { request, onRequest };
}

/**
 * Returns what all parts of the copy ask for together. Each part needs it to refuse at once what would otherwise fail only
 * in the last part.
 */
function wholeRequest(
  { extents, size, openEnded }: BlockRequest,
  { start, end, part }: ReceiveOptions,
  shared: SharedParts | undefined,
): Pick<CopyRequest, "reachesEnd" | "whole" | "coveredTo"> {
  // Of a shared copy, the request has only the parts that this process has taken so far.
  const reach = reachOf(shared?.coverage.extents ?? extents, {
    size,
    openEnded: shared?.queue.copy.openEnded ?? openEnded,
  });
  if (shared === undefined && part !== undefined) {
    const reachesEnd = end === undefined || end > size;
    return { ...reach, reachesEnd, whole: reachesEnd && start === 0 };
  }
  return reach;
}

/** Reads the range list now, if there is one: the block stream follows it on the same input. */
export async function withRanges(options: ReceiveOptions): Promise<ReceiveOptions> {
  const extents = await options.ranges?.();
  return { ...options, ranges: extents && (() => Promise.resolve(extents)) };
}
