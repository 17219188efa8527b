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
  const shared = { context, sink, path, cache, streams: part.count };
  const writer = await FirstStreamCache.open(shared);
  return { writer, first: writer, cache, hashing: hashingOf(cache, hashing) };
}

/**
 * Opens for a later stream what the first one shares. A process that replaces another one must read the destination: blocks that the lost
 * one has written are not those of the cache any more.
 *
 * @throws CacheError, SharedListError, TemporaryError, OpenError, StreamError
 */
export async function cacheOfLater(
  context: StageContext,
  { sink, queue }: { sink: Binding.Sink; queue: PartQueue },
  { part, hashing, cache: { path } }: Opening,
  { isReplacing }: { isReplacing: boolean },
): Promise<StreamCache> {
  const { digests } = queue.copy;
  if (digests === undefined) {
    return { writer: new MissingCache(path), first: undefined, cache: undefined, hashing };
  }
  const root = Buffer.from(digests.root, "hex");
  const cache = await queue.openOther(digests.cache, (found) =>
    DigestCache.openShared(path, found, root),
  );
  const spool = await recordsOf(queue, digests, part);
  // Whatever the process before has left: blocks of a process that was lost count for nothing.
  spool.empty();
  const handOver = isReplacing ? undefined : new HandOver(cache.hello.digest, spool);
  return {
    writer: new LaterStreamCache(context, sink, { cache, handOver }),
    first: undefined,
    cache: isReplacing ? undefined : cache,
    hashing: hashingOf(cache, hashing),
  };
}

/** Opens the file for the blocks that a later stream writes. */
function recordsOf(queue: PartQueue, { records }: SharedDigests, { number }: Part): Promise<Spool> {
  const file = records[number - 2];
  if (file === undefined) {
    throw new RangeError(`there is no file for the blocks of stream ${number}`);
  }
  return queue.openOther(file, (found) => Promise.resolve(Spool.open(found)));
}

function hashingOf(cache: DigestCache | undefined, otherwise: Hashing): Hashing {
  if (cache === undefined) {
    return otherwise;
  }
  const { digest, blockSize } = cache.hello;
  return { digest, blockSize };
}
