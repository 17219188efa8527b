import { dirname } from "node:path";

import type { StageContext } from "../blocks/context.ts";
import { Root, RootOfPrefix } from "../blocks/root.ts";
import { scanSource, type TakeDigests } from "../blocks/scan.ts";
import { WrittenBlocks } from "../blocks/written-blocks.ts";
import { CopyError, UsageError } from "../errors/copy-error.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import { StreamError } from "../errors/stream-errors.ts";
import type * as Binding from "../native/binding.js";
import type { Head } from "../protocol/block-stream/head.ts";
import { BLOCK_CODECS } from "../protocol/codec.ts";
import { DEFAULT_HASHING, type Hashing } from "../protocol/digest.ts";
import { HashEncoder } from "../protocol/hash-stream/encoder.ts";
import { MAX_POSITION } from "../protocol/limits.ts";
import type { RootDigest } from "../protocol/root-digest.ts";
import { isLink, isSameFile, isThere } from "../transport/files/file-names.ts";
import { NewFile } from "../transport/files/new-file.ts";
import { CacheError, DigestCache } from "./digest-cache.ts";
import { mergeDigests } from "./merge-digests.ts";

/** The digest cache cannot be written. */
class CacheWriteError extends CopyError {
  override readonly name = "CacheWriteError";

  constructor(message: string, { advice, copied }: Situation) {
    super(message, advice, copied ? ExitCode.notKept : ExitCode.io);
  }
}

/** The point in the copy at which a failure occurs. */
interface Situation {
  advice: string;
  /** True if the copy itself is complete. */
  copied: boolean;
}

const BEFORE_COPY: Situation = {
  advice:
    "nothing was written; give a file name in a folder where files can be created and replaced",
  copied: false,
};

const AFTER_COPY: Situation = {
  advice:
    "the copy is complete and on the disk, only its digest cache is missing: free space for it; the next run reads the destination",
  copied: true,
};

/** The facts about the source that are known at the end of the stream. */
export interface KnownSource {
  /** Its root digest; undefined if the stream does not cover all of the source. */
  root: RootDigest | undefined;
  /** Its size in bytes. */
  size: number | undefined;
}

/** Passes on the digests of all blocks of the destination. Returns false if it cannot. */
type Produce = (take: TakeDigests) => Promise<boolean>;

/** The fields of the hello that name the destination. */
interface Identified {
  size: number;
  identity: string;
}

/** Writes the digest cache of a destination while the destination changes. */
export class DigestCacheWriter {
  readonly #context: StageContext;
  readonly #sink: Binding.Sink;
  readonly #path: string;
  /** The old cache, if it belongs to the destination as it was before the copy. */
  #before: DigestCache | undefined;
  /** The blocks that came with a digest, to update the old cache with. */
  #records: WrittenBlocks | undefined;
  #hashing: Hashing = DEFAULT_HASHING;

  private constructor(context: StageContext, sink: Binding.Sink, path: string) {
    this.#context = context;
    this.#sink = sink;
    this.#path = path;
  }

  /**
   * Checks that the cache can be written: only a digest cache may be replaced, and the destination needs an identity.
   *
   * @throws CacheError, CacheWriteError, UsageError, OpenError, StreamError, the engine's failures
   */
  static async open(
    context: StageContext,
    sink: Binding.Sink,
    { path, destination }: { path: string; destination: string },
  ): Promise<DigestCacheWriter> {
    const { engine } = context;
    if (await isLink(path)) {
      // Replacing the link would leave the outdated cache that it points to.
      throw new UsageError(`${path} is a symbolic link`, "give the name of the file itself");
    }
    if (await isSameFile(path, destination)) {
      throw new UsageError(`${path} is the destination`, "give another name for its digests");
    }
    await engine.identity(await engine.openReader(sink, "off"));
    await (await DigestCache.open(path))?.close();
    await refuseMissingFolder(path);
    await explaining(BEFORE_COPY, () => NewFile.probe(path));
    return new DigestCacheWriter(context, sink, path);
  }

  /**
   * Removes the old cache before the first write to the destination: it must not be trusted if the copy fails.
   *
   * @param head the head of the stream; undefined for a legacy stream
   * @returns the list in which to record the blocks that come with a digest; undefined if it is of no use
   * @throws CacheError, CacheWriteError, UsageError, OpenError, StreamError, SpoolError, the engine's failures
   */
  async begin(head: Head | undefined): Promise<WrittenBlocks | undefined> {
    // Open it again: the stream may have begun hours after the first check.
    const cache = await DigestCache.open(this.#path);
    const isCurrent = cache !== undefined && (await this.#isOfDestination(cache));
    await explaining(BEFORE_COPY, async () => cache?.invalidate());
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
   * Writes the cache of the destination, which has been synced. Merges the old cache with the recorded blocks if the result
   * has the root of the source; otherwise reads the destination.
   *
   * @throws CacheWriteError, SpoolError, the engine's failures
   */
  async update(source: KnownSource): Promise<void> {
    try {
      await explaining(AFTER_COPY, () => this.#update(source));
    } finally {
      await this.#before?.close();
    }
  }

  async #update(source: KnownSource): Promise<void> {
    const { engine, debug, progress } = this.#context;
    const reader = await engine.openReader(this.#sink, "off");
    const about = { size: reader.size, identity: await engine.identity(reader) };
    const merge = await this.#merge(about.size);
    if (merge !== undefined && source.root !== undefined) {
      if (await this.#write(about, source, merge)) {
        debug(`${this.#path} updated`);
        return;
      }
    }
    debug(`reading the destination for ${this.#path}`);
    const aside = progress.aside("reading for its digests", about.size);
    const quiet = { ...this.#context, progress: aside };
    await this.#write(about, undefined, async (take) => {
      await scanSource(quiet, reader, [{ start: 0, end: about.size }], this.#hashing, take);
      return true;
    });
    aside.finish({ succeeded: true });
  }

  /** True if a cache belongs to the destination as it is now. */
  async #isOfDestination({ path, hello }: DigestCache): Promise<boolean> {
    const { engine, debug } = this.#context;
    const reader = await engine.openReader(this.#sink, "off");
    const identity = await engine.identity(reader);
    const isSame = identity === hello.identity && reader.size === hello.size;
    if (!isSame) {
      debug(`${path} does not belong to the destination as it is now`);
    }
    return isSame;
  }

  /** Returns what merges the digests of a destination of `size` bytes; undefined if there is no old cache to merge with. */
  async #merge(size: number): Promise<Produce | undefined> {
    const [cache, written] = [this.#before, this.#records];
    if (cache === undefined || written === undefined) {
      return undefined;
    }
    await written.end();
    return async (take) => {
      try {
        return await mergeDigests(this.#context, { cache, written, size }, take);
      } catch (error) {
        if (!(error instanceof CacheError)) {
          throw error;
        }
        this.#context.debug(error.message);
        return false;
      }
    };
  }

  /**
   * Writes the digests that `produce` passes on.
   *
   * @param source the file is discarded unless it begins with the content of this source; undefined to accept any content
   * @returns true if the file has been written
   */
  async #write(
    about: Identified,
    source: KnownSource | undefined,
    produce: Produce,
  ): Promise<boolean> {
    const greeting = { accepts: BLOCK_CODECS, end: MAX_POSITION, ...about };
    const encoder = new HashEncoder(this.#hashing, greeting);
    const { native } = this.#context;
    const root = new Root(native, this.#hashing);
    const proof = new RootOfPrefix(native, this.#hashing, {
      size: source?.size ?? about.size,
      all: about.size,
    });
    const file = await NewFile.create(this.#path);
    try {
      await file.append(encoder.begin({ reserveRoot: true }));
      const isComplete = await produce(async (position, length, digests) => {
        root.add(digests);
        proof.add(position, length, digests);
        await file.append([encoder.blocks(position, length, digests)]);
      });
      if (!isComplete || (source !== undefined && !proof.is(source.root))) {
        await file.discard();
        return false;
      }
      const found = root.finish(about.size);
      await file.append([encoder.rest(about.size), ...encoder.end(found)]);
      await file.rewrite(encoder.beginWith(found));
      await file.commit();
      return true;
    } catch (error) {
      // Report the first failure, not that of removing the file.
      await file.discard().catch(() => undefined);
      throw error;
    }
  }
}

/** @throws UsageError if the folder that the cache shall be made in does not exist */
async function refuseMissingFolder(path: string): Promise<void> {
  const folder = dirname(path);
  if (!(await isThere(folder))) {
    throw new UsageError(
      `the folder ${folder}, for the digest cache, does not exist`,
      `make it (\`mkdir -m 700 ${folder}\`), or give another name`,
    );
  }
}

/** Does `work`, and adds advice for `situation` to the failure of a file operation. */
async function explaining(situation: Situation, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw error instanceof StreamError ? new CacheWriteError(error.message, situation) : error;
  }
}
