import type { StageContext } from "../blocks/context.ts";
import type { Part } from "../blocks/part.ts";
import type { PartQueue } from "../blocks/part-queue.ts";
import type { SharedDigests } from "../blocks/shared-copy.ts";
import type { CacheWriter } from "../digests/cache-writer.ts";
import { DigestCache } from "../digests/digest-cache.ts";
import { HandOver } from "../digests/hand-over.ts";
import { refuseUnwritable } from "../digests/replace-cache.ts";
import { FirstStreamCache, LaterStreamCache, MissingCache } from "../digests/stream-caches.ts";
import type * as Binding from "../native/binding.js";
import type { Hashing } from "../protocol/digest.ts";
import { openOf } from "../transport/processes/descriptors.ts";
import { Spool } from "../transport/streams/spool.ts";
import type { CacheOptions } from "./checksum/digest-options.ts";
import { openChecked } from "./checksum/send-cached.ts";

/** The digest cache of a copy over several streams, as one of them uses it. */
export interface StreamCache {
  writer: CacheWriter;
  /** That writer, if it is that of the first stream. */
  first: FirstStreamCache | undefined;
  /** The cache whose digests are sent; undefined to read the destination. */
  cache: DigestCache | undefined;
  /** Block size and algorithm, which are those of the cache if there is one. */
  hashing: Hashing;
}

/** The destination of a copy whose queue of parts another process has made. */
interface Joined {
  sink: Binding.Sink;
  queue: PartQueue;
}

/** The stream that opens the cache. */
interface Opening {
  file: string;
  part: Part;
  cache: CacheOptions;
  hashing: Hashing;
}

/**
 * Opens the digest cache for the first stream, before it makes the queue of parts: from then on, the others may write to the destination.
 *
 * @throws CacheError if the digests are not those of the destination; the errors of `refuseUnwritable`, TemporaryError
 */
export async function cacheOfFirst(
  context: StageContext,
  { sink, reader }: { sink: Binding.Sink; reader: Binding.Source },
  { file, part, hashing, cache: wanted }: Opening,
): Promise<StreamCache> {
  const { path } = wanted;
  await refuseUnwritable(context, sink, { path, destination: file });
  const cache = await openChecked(context, reader, { file, cache: wanted });
  const shared = { context, sink, path, file, cache, streams: part.count };
  const writer = await FirstStreamCache.open(shared);
  return { writer, first: writer, cache, hashing: hashingOf(cache, hashing) };
}

/**
 * Prepares a new process of the first stream to write the cache. It knows neither what the lost one has written nor if the old cache was
 * right until then, so it reads the destination, now and for the new cache.
 *
 * @throws the errors of `refuseUnwritable`
 */
export async function cacheOfNewFirst(
  context: StageContext,
  { sink, queue }: Joined,
  { file, part, cache: { path }, hashing }: Opening,
): Promise<StreamCache> {
  await refuseUnwritable(context, sink, { path, destination: file });
  const shared = { context, sink, path, file, cache: undefined, streams: part.count };
  const writer = await FirstStreamCache.open(shared);
  return { ...reading(writer, queue.copy.digests?.hashing ?? hashing), first: writer };
}

/**
 * Opens for a later stream what the first process of the first one shares. A process that replaces another one must read the destination:
 * blocks that the lost one has written are not those of the cache any more.
 *
 * @throws CacheError, TemporaryError, OpenError, StreamError
 */
export async function cacheOfLater(
  context: StageContext,
  { sink, queue }: Joined,
  { part, hashing, cache: { path } }: Opening,
  { isReplacing }: { isReplacing: boolean },
): Promise<StreamCache> {
  const { digests } = queue.copy;
  const files = digests && (await openFiles(digests, part, path));
  if (digests === undefined || files === undefined) {
    return reading(new MissingCache(path), digests?.hashing ?? hashing);
  }
  const { cache, spool } = files;
  // Whatever the process before has left: blocks of a process that was lost count for nothing.
  spool.empty();
  const handOver = isReplacing ? undefined : new HandOver(digests.hashing.digest, spool);
  const writer = new LaterStreamCache(context, sink, { cache, handOver });
  return isReplacing
    ? reading(writer, digests.hashing)
    : { writer, first: undefined, cache, hashing: digests.hashing };
}

/** Returns the cache of a stream that reads the destination. */
function reading(writer: CacheWriter, hashing: Hashing): StreamCache {
  return { writer, first: undefined, cache: undefined, hashing };
}

/**
 * Opens the digest cache, and the file for the blocks that a later stream writes. Returns undefined if the process that has them has ended: then
 * nothing reads that file any more.
 */
async function openFiles(
  { owner, root, cache: shared, records }: SharedDigests,
  { number }: Part,
  path: string,
): Promise<{ cache: DigestCache; spool: Spool } | undefined> {
  const file = records[number - 2];
  if (file === undefined) {
    throw new RangeError(`there is no file for the blocks of stream ${number}`);
  }
  const expected = Buffer.from(root, "hex");
  const cache = await openOf(owner, shared, (found) =>
    DigestCache.openShared(path, found, expected),
  );
  const spool = await openOf(owner, file, (found) => Promise.resolve(Spool.open(found)));
  if (cache === undefined || spool === undefined) {
    await cache?.close();
    return undefined;
  }
  return { cache, spool };
}

function hashingOf(cache: DigestCache | undefined, otherwise: Hashing): Hashing {
  if (cache === undefined) {
    return otherwise;
  }
  const { digest, blockSize } = cache.hello;
  return { digest, blockSize };
}
