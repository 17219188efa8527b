import type { StageContext } from "../blocks/context.ts";
import type { TakeDigests } from "../blocks/scan.ts";
import type { WrittenBlock, WrittenBlocks } from "../blocks/written-blocks.ts";
import { joined } from "../protocol/fields.ts";
import type { DigestCache, KnownBlock } from "./digest-cache.ts";

/** Digests to pass on at once. */
const BATCH = 1024;

/** The old and the new digests of a destination of `size` bytes. */
interface Digests {
  cache: DigestCache;
  /** The blocks that were written, in ascending order. */
  written: AsyncIterable<WrittenBlock[]>;
  size: number;
}

/** A block of the destination. */
interface Block {
  position: number;
  length: number;
}

/**
 * Passes on the digests of a destination: those of the blocks that were written, and for all others those of the cache.
 *
 * @returns false if the digest of some block is not known
 * @throws CacheError, TemporaryError, StreamError, and the errors of `take`
 */
export async function mergeDigests(
  { native, engine }: StageContext,
  { cache, written, size }: Digests,
  take: TakeDigests,
): Promise<boolean> {
  const { blockSize, digest: algorithm } = cache.hello;
  const zeros = (length: number): Uint8Array => engine.zeroDigest(algorithm, length);
  const before = each(cache.blocks(native));
  const changes = each(written);
  let old = await before.next();
  let change = await changes.next();
  let batch: Uint8Array[] = [];
  for (let position = 0; position < size; position += blockSize) {
    const length = Math.min(blockSize, size - position);
    while (old.done !== true && old.value.position < position) {
      old = await before.next();
    }
    while (change.done !== true && change.value.position + change.value.length <= position) {
      change = await changes.next();
    }
    const digest = digestOf({ position, length }, { old: old.value, change: change.value, zeros });
    if (digest === undefined) {
      return false;
    }
    batch.push(digest);
    const end = position + length;
    if (batch.length === BATCH || end === size) {
      const from = position - (batch.length - 1) * blockSize;
      await take(from, end - from, joined(...batch));
      batch = [];
    }
  }
  return true;
}

/** The candidates for the digest of a block: the next one of the cache, and the next one that was written. */
interface Candidates {
  old: KnownBlock | void;
  change: WrittenBlock | void;
  /** Returns the digest of `length` zeros. */
  zeros: (length: number) => Uint8Array;
}

/** Returns the digest of a block; undefined if it is not known, as for a block that was written in part. */
function digestOf(
  { position, length }: Block,
  { old, change, zeros }: Candidates,
): Uint8Array | undefined {
  const end = position + length;
  if (change && change.position < end) {
    if (change.position > position || change.position + change.length < end) {
      return undefined;
    }
    if (change.digest.every((byte) => byte === 0)) {
      return zeros(length);
    }
    const isWhole = change.position === position && change.length === length;
    return isWhole ? change.digest : undefined;
  }
  return old && old.position === position && old.length === length ? old.digest : undefined;
}

/** Yields the blocks of several lists in ascending order. No two of them have a byte in common. */
export async function* ascending(lists: readonly WrittenBlocks[]): AsyncGenerator<WrittenBlock[]> {
  const heads: { next: WrittenBlock; rest: AsyncGenerator<WrittenBlock, void> }[] = [];
  for (const list of lists) {
    const rest = each(list.all());
    const next = await rest.next();
    if (next.done !== true) {
      heads.push({ next: next.value, rest });
    }
  }
  while (heads.length > 0) {
    const first = heads.reduce((a, b) => (a.next.position <= b.next.position ? a : b));
    yield [first.next];
    const next = await first.rest.next();
    if (next.done === true) {
      heads.splice(heads.indexOf(first), 1);
    } else {
      first.next = next.value;
    }
  }
}

/** Yields one by one what arrives in groups. */
async function* each<T>(groups: AsyncIterable<T[]>): AsyncGenerator<T, void> {
  for await (const group of groups) {
    yield* group;
  }
}
