import type { StageContext } from "../../blocks/context.ts";
import { Root } from "../../blocks/root.ts";
import { checkCache } from "../../digests/check-cache.ts";
import { CacheError, DigestCache } from "../../digests/digest-cache.ts";
import type * as Binding from "../../native/binding.js";
import { BLOCK_CODECS } from "../../protocol/codec.ts";
import { joined } from "../../protocol/fields.ts";
import { HashEncoder } from "../../protocol/hash-stream/encoder.ts";
import { MAX_POSITION } from "../../protocol/limits.ts";
import type { StreamOutput } from "../../transport/streams/spooled-output.ts";
import type { CacheOptions, DigestOptions } from "./digest-options.ts";
import { storageFor } from "./storage.ts";

/**
 * Writes the digests from the digest cache. Returns false if no cache is wanted or it does not exist.
 *
 * @throws CacheError if they are not those of `source`, StreamError, the engine's failures
 */
export async function sendCached(
  context: StageContext,
  source: Binding.Source,
  options: DigestOptions,
  output: StreamOutput,
): Promise<boolean> {
  const cache = await openChecked(context, source, options);
  if (cache === undefined) {
    return false;
  }
  try {
    await send(context, cache, source, options, output);
  } finally {
    // Otherwise the garbage collection would close the file, which newer versions of Node treat as an error.
    await cache.close();
  }
  return true;
}

async function send(
  context: StageContext,
  cache: DigestCache,
  source: Binding.Source,
  options: DigestOptions,
  output: StreamOutput,
): Promise<void> {
  const { digest, blockSize, size } = cache.hello;
  const hashing = { digest, blockSize };
  const extents = [{ start: 0, end: size }];
  options.onRequest?.({ hashing, extents, openEnded: true, size, openFrom: size, extended: true });
  const encoder = await encoderFor(context, cache, source, options, output);
  context.progress.begin(size, source.instance());
  await output.write(encoder.begin());
  const root = new Root(context.native, hashing);
  for await (const blocks of cache.blocks(context.native)) {
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
}

/**
 * Opens the digest cache, if one is wanted.
 *
 * @returns undefined without one
 * @throws CacheError if the digests are not those of `source`, StreamError, the engine's failures
 */
export async function openChecked(
  context: StageContext,
  source: Binding.Source,
  { file, cache: wanted }: Pick<DigestOptions, "file" | "cache">,
): Promise<DigestCache | undefined> {
  if (wanted === undefined) {
    return undefined;
  }
  const cache = await DigestCache.open(wanted.path);
  if (cache === undefined) {
    context.warn(`${wanted.path} does not exist: reading all of ${file}`);
    return undefined;
  }
  try {
    refuseOtherHashing(cache, wanted);
    await checkCache(context, cache, source, file);
    return cache;
  } catch (error) {
    await cache.close();
    throw error;
  }
}

/** Refuses a cache with another algorithm or block size than was given. */
function refuseOtherHashing({ path, hello }: DigestCache, wanted: CacheOptions): void {
  const { digest, blockSize } = hello;
  if ((wanted.digest ?? digest) !== digest || (wanted.blockSize ?? blockSize) !== blockSize) {
    throw new CacheError(
      path,
      `has ${digest} digests of blocks of ${blockSize} bytes`,
      "leave out --digest and --block-size, or remove the cache: the next run then reads the destination and writes a new one",
    );
  }
}

async function encoderFor(
  context: StageContext,
  { hello: { digest, blockSize, size, identity, state, root } }: DigestCache,
  source: Binding.Source,
  options: DigestOptions,
  output: StreamOutput,
): Promise<HashEncoder> {
  const storage = await storageFor(context, source, options);
  const about = output.isRewritable
    ? { size, identity, state, storage, root }
    : options.sized && { size, storage };
  const asked = { end: MAX_POSITION, dryRun: options.dryRun };
  return new HashEncoder({ digest, blockSize }, { accepts: BLOCK_CODECS, ...asked, ...about });
}
