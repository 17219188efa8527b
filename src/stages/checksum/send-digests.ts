import { UsageError } from "../../errors/copy-error.ts";
import type * as Binding from "../../native/binding.js";
import { isEngineFailure } from "../../errors/engine-failure.ts";
import { BLOCK_CODECS } from "../../protocol/codec.ts";
import { DIGEST_LENGTHS, type DigestName, type Hashing } from "../../protocol/digest.ts";
import { joined } from "../../protocol/fields.ts";
import { HashEncoder } from "../../protocol/hash-stream/encoder.ts";
import type { StreamOutput } from "../../transport/streams/spooled-output.ts";
import type { BlockRequest } from "../../blocks/bounds.ts";
import type { StageContext } from "../../blocks/context.ts";
import { CacheError, checkCache, DigestCache } from "../../digests/digest-cache.ts";
import { type Coverage, cover, type Extent } from "../../ranges/extents.ts";
import { Root } from "../../blocks/root.ts";
import { refuseEmpty } from "../../blocks/capacity.ts";
import { scanSource } from "../../blocks/scan.ts";

/** How many blocks blockcopy 0.0.2 compares at once. */
const PEER_BATCH = 16;

/** Of which blocks of a file or device to send the digests. */
export interface DigestOptions {
  /** Its name. */
  file: string;
  /** Offset of the first byte. */
  start: number;
  /** Offset of the byte after the last one; undefined for the end of the file. */
  end: number | undefined;
  /** Reads the list of what is to be hashed, instead of `start` and `end`; undefined for all of what they give. */
  ranges: (() => Promise<Extent[]>) | undefined;
  /** How the blocks are digested. */
  hashing: Hashing;
  /** The digests that are kept, to be sent instead of reading what they are of; undefined for none. */
  cache: CacheOptions | undefined;
  /** Begin with a hello, which names the algorithm and which blockcopy 0.0.2 does not read. */
  extended: boolean;
  /** Say how large it is also in a stream that is not kept, and which storage it lies on, for `retrieve` to refuse a source that shares it. */
  sized?: boolean;
  /** Told what is asked for, before any of it is. */
  asks?: (covered: BlockRequest) => void;
  /** Ask for the rest as `retrieve` of blockcopy 0.0.2 needs it. */
  legacy?: boolean;
}

/** Digests that are kept in a file. */
export interface CacheOptions {
  path: string;
  /** The algorithm that it must be; undefined for any. */
  digest: DigestName | undefined;
  /** The size of a block that it must be; undefined for any. */
  blockSize: number | undefined;
}

/**
 * Writes the digest of each block of a file or device, as hash stream: those that are kept, or by reading it.
 *
 * @throws UsageError, CacheError, the engine's failures, and those of the streams
 */
export async function sendDigests(
  context: StageContext,
  source: Binding.Source,
  options: DigestOptions,
  output: StreamOutput,
): Promise<void> {
  refuseEmpty(options.file, source);
  if (!(await sendCached(context, source, options, output))) {
    await sendRead(context, source, options, output);
  }
}

async function sendRead(
  context: StageContext,
  source: Binding.Source,
  options: DigestOptions,
  output: StreamOutput,
): Promise<void> {
  context.debug(`${options.file}: ${source.size} bytes, ${source.description}`);
  checkRange(source, options);
  const { extents, bytes, openEnded } = await coverage(source, options);
  if (options.ranges !== undefined) {
    context.debug(`${options.file}: ${bytes} of ${source.size} bytes in ${extents.length} ranges`);
  }
  const { start, ranges, hashing, extended } = options;
  options.asks?.({ hashing, extents, openEnded, size: source.size, extended });
  // All of it, so that it has a root: by which what is made of these digests later knows its destination.
  const whole = extended && openEnded && start === 0 && ranges === undefined;
  const kept = whole && output.isRewritable;
  const identity = kept ? await identityOf(context, source) : undefined;
  const storage = await storageFor(context, source, options);
  const about = kept || options.sized === true ? { size: source.size, identity, storage } : {};
  const encoder = new HashEncoder(
    hashing,
    extended ? { accepts: BLOCK_CODECS, ...about } : undefined,
  );
  const root = whole ? new Root(hashing) : undefined;
  // Before the other end can refuse: both sides of a copy are to be told of both.
  context.progress.begin(bytes, source.instance());
  await output.write(encoder.begin({ reserveRoot: kept }));
  await scanSource(context, source, extents, hashing, async (position, length, digests) => {
    root?.add(digests);
    await output.write([encoder.blocks(position, length, digests)]);
  });
  const found = root?.finish(source.size);
  const rest = openEnded ? restFrom(source.size, encoder, options) : [];
  if (kept && found !== undefined) {
    await output.rewrite(encoder.beginWith(found));
  }
  await output.finish([...rest, ...encoder.end(found)]);
}

/**
 * Writes the digests that are kept in a file, if there is one, and returns whether it did.
 *
 * @throws CacheError when they are not those of `source`, StreamError, the engine's failures
 */
async function sendCached(
  context: StageContext,
  source: Binding.Source,
  options: DigestOptions,
  output: StreamOutput,
): Promise<boolean> {
  const { file, cache: wanted, sized, asks } = options;
  const cache = wanted && (await DigestCache.open(wanted.path));
  if (cache === undefined) {
    if (wanted !== undefined) {
      context.warn(`${wanted.path} does not exist: reading all of ${file}`);
    }
    return false;
  }
  const { digest, blockSize, size, identity } = cache.hello;
  if ((wanted?.digest ?? digest) !== digest || (wanted?.blockSize ?? blockSize) !== blockSize) {
    throw new CacheError(
      cache.path,
      `has ${digest} digests of blocks of ${blockSize} bytes`,
      "leave out --digest and --block-size, or remove it, so that the destination is read and its digests kept anew",
    );
  }
  await checkCache(context, cache, source, file);
  const extents = [{ start: 0, end: size }];
  asks?.({ hashing: { digest, blockSize }, extents, openEnded: true, size, extended: true });
  const storage = await storageFor(context, source, options);
  const about = output.isRewritable
    ? { size, identity, storage, root: cache.hello.root }
    : sized && { size, storage };
  const encoder = new HashEncoder({ digest, blockSize }, { accepts: BLOCK_CODECS, ...about });
  context.progress.begin(size, source.instance());
  await output.write(encoder.begin());
  const root = new Root(cache.hello);
  for await (const blocks of cache.blocks()) {
    const digests = joined(...blocks.map((block) => block.digest));
    const [first] = blocks;
    if (first !== undefined) {
      const length = blocks.reduce((sum, block) => sum + block.length, 0);
      root.add(digests);
      await output.write([encoder.blocks(first.position, length, digests)]);
      context.progress.advance(length);
    }
  }
  await output.finish([encoder.rest(size), ...encoder.end(root.finish(size))]);
  return true;
}

/** The storage it lies on, for a stream that is answered at once; undefined if it is not to be sent, or the kernel does not say. */
async function storageFor(
  { engine, debug }: StageContext,
  source: Binding.Source,
  { file, sized }: DigestOptions,
): Promise<string | undefined> {
  if (sized !== true) {
    return undefined;
  }
  const storage = await engine.storageOf(source);
  debug(`${file}: lies on ${storage ?? "storage that nobody tells of (is /proc mounted?)"}`);
  return storage ?? undefined;
}

/** Which file or device this is; undefined, with a word about it, for one that nothing tells from others. */
async function identityOf(
  { engine, debug }: StageContext,
  source: Binding.Source,
): Promise<string | undefined> {
  try {
    return await engine.identity(source);
  } catch (error) {
    if (!isEngineFailure(error) || error.kind !== "no-identity") {
      throw error;
    }
    debug(error.message);
    return undefined;
  }
}

/** What of the file to hash. */
async function coverage(
  { size }: Binding.Source,
  { start, end, ranges, hashing }: DigestOptions,
): Promise<Coverage> {
  if (ranges !== undefined) {
    return cover(await ranges(), size, hashing.blockSize);
  }
  const extent = { start, end: end ?? size };
  return { extents: [extent], bytes: extent.end - start, openEnded: end === undefined };
}

/** The frames that ask for all that the source has from `offset` on. */
function restFrom(
  offset: number,
  encoder: HashEncoder,
  { start, hashing, legacy }: DigestOptions,
): Uint8Array[] {
  if (legacy !== true || start < offset) {
    return [encoder.rest(offset)];
  }
  // 0.0.2 sends the rest in pieces as long as the block that it was asked about last, and fails when it was asked about none. So it is
  // asked about some, with a digest that no block has: as many as it compares at once, or it would send the rest before them.
  const { digest, blockSize } = hashing;
  const length = PEER_BATCH * blockSize;
  const none = new Uint8Array(PEER_BATCH * DIGEST_LENGTHS[digest]);
  return [encoder.blocks(offset, length, none), encoder.rest(offset + length)];
}

/**
 * A range that the file does not have is refused before hours are spent on it.
 *
 * @throws UsageError
 */
export function checkRange(
  source: Pick<Binding.Source, "size">,
  { file, start, end }: { file: string; start: number | undefined; end: number | undefined },
): void {
  for (const [option, offset] of [
    ["--start", start ?? 0],
    ["--end", end ?? 0],
  ] as const) {
    if (offset > source.size) {
      throw beyondEnd(option, offset, file, source.size);
    }
  }
}

/** The error for an offset that a file does not have. */
export function beyondEnd(option: string, offset: number, file: string, size: number): UsageError {
  return new UsageError(
    `${option} ${offset} lies beyond the end of ${file}, which has ${size} bytes`,
    "give an offset within it",
  );
}
