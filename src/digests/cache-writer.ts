import type { StageContext } from "../blocks/context.ts";
import { isWholeBlocks, RootOfPrefix } from "../blocks/root.ts";
import { WrittenBlocks } from "../blocks/written-blocks.ts";
import type * as Binding from "../native/binding.js";
import type { Head } from "../protocol/block-stream/head.ts";
import { DEFAULT_HASHING, type Hashing } from "../protocol/digest.ts";
import type { RootDigest } from "../protocol/root-digest.ts";
import { DigestCache } from "./digest-cache.ts";
import {
  type Findings,
  type Proof,
  refuseUnwritable,
  removeOld,
  replaceCache,
} from "./replace-cache.ts";

/** The facts about the source that are known at the end of the stream. */
export interface KnownSource {
  /** Its root digest; undefined if the stream does not cover all of the source. */
  root: RootDigest | undefined;
  /** The digest of the parts that the stream answers; undefined for a stream without marks. */
  parts: Uint8Array | undefined;
  /** Its size in bytes. */
  size: number | undefined;
  /** True if the blocks are an answer to the digests of the destination, which is then equal to it, unless something else has written there. */
  isAnswer: boolean;
}

/** Keeps a digest cache right while its destination changes. */
export interface CacheWriter {
  /**
   * Removes the old cache before the first write to the destination: it must not be trusted if the copy fails.
   *
   * @param head the head of the stream; undefined for a legacy stream
   * @returns the list in which to record the blocks that come with a digest; undefined if it is of no use
   * @throws CacheError, CacheWriteError, UsageError, OpenError, StreamError, TemporaryError, the engine's failures
   */
  begin(head: Head | undefined): Promise<WrittenBlocks | undefined>;

  /**
   * Does what is to be done for the new cache once the destination has been synced.
   *
   * @throws CacheWriteError, TemporaryError, the engine's failures
   */
  update(source: KnownSource): Promise<void>;
}

/** Writes the digest cache of a destination that one process writes to. */
export class DigestCacheWriter implements CacheWriter {
  readonly #context: StageContext;
  readonly #sink: Binding.Sink;
  readonly #path: string;
  readonly #file: string;
  /** The old cache, if it belongs to the destination as it was before the copy. */
  #before: DigestCache | undefined;
  /** The blocks that came with a digest, to update the old cache with. */
  #records: WrittenBlocks | undefined;
  #hashing: Hashing = DEFAULT_HASHING;

  private constructor(
    context: StageContext,
    sink: Binding.Sink,
    { path, destination }: { path: string; destination: string },
  ) {
    this.#context = context;
    this.#sink = sink;
    this.#path = path;
    this.#file = destination;
  }

  /**
   * Checks that the cache can be written.
   *
   * @throws the errors of `refuseUnwritable`
   */
  static async open(
    context: StageContext,
    sink: Binding.Sink,
    names: { path: string; destination: string },
  ): Promise<DigestCacheWriter> {
    await refuseUnwritable(context, sink, names);
    return new DigestCacheWriter(context, sink, names);
  }

  async begin(head: Head | undefined): Promise<WrittenBlocks | undefined> {
    // Open it again: the stream may have begun hours after the first check.
    const cache = await DigestCache.open(this.#path);
    const isCurrent =
      cache !== undefined && (await removeOld(this.#context, this.#sink, cache)) === "right";
    this.#hashing = head ?? cache?.hello ?? DEFAULT_HASHING;
    const { digest, blockSize } = this.#hashing;
    if (head !== undefined && isCurrent) {
      if (cache.hello.digest === digest && cache.hello.blockSize === blockSize) {
        this.#before = cache;
        this.#records = await WrittenBlocks.begin(digest);
        return this.#records;
      }
    }
    await cache?.close();
    return undefined;
  }

  /**
   * Writes the cache of the destination. Merges the old cache with the recorded blocks if the result has the root of the source; otherwise
   * reads the destination.
   */
  async update(source: KnownSource): Promise<void> {
    try {
      await this.#records?.end();
      const target = { path: this.#path, hashing: this.#hashing, file: this.#file };
      await replaceCache(this.#context, this.#sink, target, this.#findings(source));
    } finally {
      await this.#before?.close();
    }
  }

  /** Returns what is known with the root of the source. */
  #findings({ root, size: sourceSize, isAnswer }: KnownSource): Findings {
    if (root === undefined) {
      return {};
    }
    const [hashing, cache, records] = [this.#hashing, this.#before, this.#records];
    const proof = (all: number): Proof => {
      const prefix = { size: sourceSize ?? all, all };
      const found = new RootOfPrefix(this.#context.native, hashing, prefix);
      return { add: found.add.bind(found), holds: () => found.is(root) };
    };
    const canTell = (all: number): boolean =>
      sourceSize !== undefined && isWholeBlocks({ size: sourceSize, all }, hashing);
    return {
      evidence: cache && records && { cache, written: records.all(), proof },
      promised: isAnswer ? (all) => (canTell(all) ? proof(all) : undefined) : undefined,
    };
  }
}
