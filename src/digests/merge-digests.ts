import { joined } from "../protocol/fields.ts";
import type { StageContext } from "../blocks/context.ts";
import type { DigestCache } from "./digest-cache.ts";
import type { TakeDigests } from "../blocks/scan.ts";
import type { WrittenBlocks } from "../blocks/written-blocks.ts";

/** Digests that are passed on together. */
const TOGETHER = 1024;

/**
 * The digests of a destination of `size` bytes: those of the blocks that were written, and of the others those from before.
 *
 * @returns whether that is known of each block
 * @throws CacheError, SpoolError, StreamError, and what `take` throws
 */
export async function mergeDigests(
  { engine }: StageContext,
  cache: DigestCache,
  written: WrittenBlocks,
  size: number,
  take: TakeDigests,
): Promise<boolean> {
  const { blockSize, digest } = cache.hello;
  const before = each(cache.blocks());
  const changes = each(written.all());
  let old = await before.next();
  let change = await changes.next();
  let gathered: Uint8Array[] = [];
  for (let position = 0; position < size; position += blockSize) {
    const length = Math.min(blockSize, size - position);
    const end = position + length;
    while (old.done !== true && old.value.position < position) {
      old = await before.next();
    }
    while (change.done !== true && change.value.position + change.value.length <= position) {
      change = await changes.next();
    }
    if (change.done !== true && change.value.position < end) {
      const { position: from, length: bytes, digest: its } = change.value;
      if (from > position || from + bytes < end) {
        return false;
      }
      if (its.every((byte) => byte === 0)) {
        gathered.push(engine.zeroDigest(digest, length));
      } else if (from === position && bytes === length) {
        gathered.push(its);
      } else {
        return false;
      }
    } else if (
      old.done !== true &&
      old.value.position === position &&
      old.value.length === length
    ) {
      gathered.push(old.value.digest);
    } else {
      return false;
    }
    if (gathered.length === TOGETHER || end === size) {
      const from = position - (gathered.length - 1) * blockSize;
      await take(from, end - from, joined(...gathered));
      gathered = [];
    }
  }
  return true;
}

/** One by one what comes in groups. */
async function* each<T>(groups: AsyncIterable<T[]>): AsyncGenerator<T, void> {
  for await (const group of groups) {
    yield* group;
  }
}
