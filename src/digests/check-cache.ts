import type { StageContext } from "../blocks/context.ts";
import { Slots } from "../blocks/slots.ts";
import type * as Binding from "../native/binding.js";
import { wasWritten } from "../protocol/destination-state.ts";
import { CacheError, type DigestCache, type KnownBlock } from "./digest-cache.ts";

/** Blocks to compare at random places. A destination with few changes may pass. */
const SAMPLES = 64;

/** Blocks to compare at the beginning: mounting a file system writes to its first blocks. */
const FIRST = 8;

/** Bytes that direct I/O may read around a block. */
const MARGIN = 256 * 1024;

/** Advice for the digests of another file or device. */
const OTHER =
  "give this destination's own cache, or a file that does not exist yet: it is then filled by reading the destination";

/**
 * Checks that a cache belongs to `source` without reading all of it: same file or device, same size, not written to since as far as the
 * kernel tells, and same content in a sample of its blocks.
 *
 * @throws CacheError, StreamError, the engine's failures
 */
export async function checkCache(
  context: StageContext,
  cache: DigestCache,
  source: Binding.Source,
  file: string,
): Promise<void> {
  await checkIdentity(context, cache, source, file);
  const { size, blockSize } = cache.hello;
  if (size !== source.size) {
    throw new CacheError(
      cache.path,
      `does not hold the digests of ${file} as it is now: they are of ${size} bytes, and it has ${source.size}`,
    );
  }
  const sample = new Sample(Math.ceil(size / blockSize));
  for await (const blocks of cache.blocks(context.native)) {
    sample.add(blocks);
  }
  await checkBlocks(context, cache, source, { file, blocks: sample.blocks });
  await checkState(context, cache, source, file);
  context.debug(`${cache.path} belongs to ${file}: ${sample.blocks.length} blocks compared`);
}

async function checkIdentity(
  { engine }: StageContext,
  { path, hello: { identity } }: DigestCache,
  source: Binding.Source,
  file: string,
): Promise<void> {
  const found = await engine.identity(source);
  if (found === identity) {
    return;
  }
  throw isSameFile(identity, found)
    ? new CacheError(
        path,
        `does not hold the digests of ${file} as it is now: the file was written to since, or its attributes were changed`,
      )
    : new CacheError(
        path,
        `does not hold the digests of ${file}, but of another file or device`,
        OTHER,
      );
}

/** A device has no time of its last change, but the kernel counts what is written to it until the next boot. */
async function checkState(
  { engine }: StageContext,
  { path, hello: { state } }: DigestCache,
  source: Binding.Source,
  file: string,
): Promise<void> {
  if (wasWritten(state ?? null, await engine.deviceState(source))) {
    throw new CacheError(
      path,
      `does not hold the digests of ${file} as it is now: something else has written to it since`,
    );
  }
}

/** True if two identities name the same file at different times: then they differ only in their last word. */
function isSameFile(before: string, now: string): boolean {
  const file = (identity: string): string => identity.slice(0, identity.lastIndexOf(" "));
  return before.startsWith("file ") && file(before) === file(now);
}

async function checkBlocks(
  { native, engine }: StageContext,
  { path, hello: { blockSize, digest: algorithm } }: DigestCache,
  source: Binding.Source,
  { file, blocks }: { file: string; blocks: readonly KnownBlock[] },
): Promise<void> {
  const { slab } = new Slots(native, 1, blockSize + MARGIN);
  for (const { position, length, digest } of blocks) {
    const now = await engine.scan(source, slab, 0, {
      position,
      length,
      blockLength: blockSize,
      algorithm,
    });
    if (Buffer.compare(now, digest) !== 0) {
      throw new CacheError(
        path,
        `does not hold the digests of ${file} as it is now: the block at offset ${position} has changed`,
      );
    }
  }
}

/** The first blocks of a file, and random ones from equal parts of the rest. */
class Sample {
  readonly blocks: KnownBlock[] = [];
  readonly #wanted: number[];
  #seen = 0;

  /** @param count number of all blocks */
  constructor(count: number) {
    const samples = Math.min(SAMPLES, count);
    const random = Array.from({ length: samples }, (_, part) =>
      Math.floor(((part + Math.random()) * count) / samples),
    );
    const first = Array.from({ length: Math.min(FIRST, count) }, (_, block) => block);
    this.#wanted = [...new Set([...first, ...random])].sort((a, b) => a - b);
  }

  add(blocks: KnownBlock[]): void {
    for (const block of blocks) {
      const passed = this.#wanted.findIndex((index) => index > this.#seen);
      const hits = passed < 0 ? this.#wanted.length : passed;
      if (hits > 0) {
        this.#wanted.splice(0, hits);
        this.blocks.push({ ...block, digest: block.digest.slice() });
      }
      this.#seen += 1;
    }
  }
}
