import { ExitCode } from "../errors/exit-codes.ts";
import { CopyError, UsageError } from "../errors/copy-error.ts";
import type * as Binding from "../native/binding.js";
import { BLOCK_CODECS } from "../protocol/codec.ts";
import { DEFAULT_HASHING, type Hashing } from "../protocol/digest.ts";
import { HashEncoder } from "../protocol/hash-stream/encoder.ts";
import type { Head } from "../protocol/block-stream/head.ts";
import type { RootDigest } from "../protocol/root-digest.ts";
import { isLink, isSameFile } from "../transport/files/file-names.ts";
import { NewFile } from "../transport/files/new-file.ts";
import { StreamError } from "../errors/stream-errors.ts";
import type { StageContext } from "../blocks/context.ts";
import { CacheError, DigestCache } from "./digest-cache.ts";
import { mergeDigests } from "./merge-digests.ts";
import { Root, RootOfPrefix } from "../blocks/root.ts";
import { scanSource, type TakeDigests } from "../blocks/scan.ts";
import { WrittenBlocks } from "../blocks/written-blocks.ts";

/** The digests cannot be kept where they are to be. */
class CacheWriteError extends CopyError {
  override readonly name = "CacheWriteError";

  constructor(message: string, { advice, copied }: Keeping) {
    super(message, advice, copied ? ExitCode.notKept : ExitCode.io);
  }
}

/** When digests cannot be kept: what to do then, and whether the copy is complete. */
interface Keeping {
  advice: string;
  copied: boolean;
}

/** Before anything was written. */
const REFUSED: Keeping = {
  advice: "nothing was written; give the name of a file where one can be made and replaced",
  copied: false,
};

/** At the end. */
const INCOMPLETE: Keeping = {
  advice:
    "the copy is complete and on the disk, only its digests are not kept: make room there; the next run reads the destination",
  copied: true,
};

/** What is known of the source at the end of the stream. */
export interface KnownSource {
  /** Its root; undefined where not all of it was read. */
  root: RootDigest | undefined;
  /** Its size, in bytes. */
  size: number | undefined;
}

/** The file that has the digests of a destination, while that is written to. */
export class DigestCacheWriter {
  readonly #context: StageContext;
  readonly #sink: Binding.Sink;
  readonly #path: string;
  /** What was there before, if it is of the destination as it was before. */
  #before: DigestCache | undefined;
  /** The blocks that came with a digest by which those from before can be brought up to date. */
  #records: WrittenBlocks | undefined;
  #hashing: Hashing = DEFAULT_HASHING;

  private constructor(context: StageContext, sink: Binding.Sink, path: string) {
    this.#context = context;
    this.#sink = sink;
    this.#path = path;
  }

  /**
   * Looks at what is there: only a digest cache will be replaced, where that can be done, and only for a destination that can be
   * told from others.
   *
   * @param path the name of the file
   * @param destination that of the destination
   * @throws CacheError, CacheWriteError, UsageError, OpenError, StreamError, the engine's failures
   */
  static async open(
    context: StageContext,
    sink: Binding.Sink,
    path: string,
    destination: string,
  ): Promise<DigestCacheWriter> {
    const { engine } = context;
    if (await isLink(path)) {
      // Without its link, the file that it leads to would go on saying what was.
      throw new UsageError(`${path} is a symbolic link`, "give the name of the file itself");
    }
    if (await isSameFile(path, destination)) {
      throw new UsageError(`${path} is the destination`, "give another name for its digests");
    }
    await engine.identity(await engine.openReader(sink, "off"));
    await (await DigestCache.open(path))?.close();
    await keeping(REFUSED, () => NewFile.probe(path));
    return new DigestCacheWriter(context, sink, path);
  }

  /**
   * Takes away what is there, before anything is written: whatever happens from now on, it must not be believed.
   *
   * @param head what the stream says of itself, if it is an extended one
   * @returns what is to be told of the blocks that come with a digest
   * @throws CacheError, CacheWriteError, UsageError, OpenError, StreamError, SpoolError, the engine's failures
   */
  async begin(head: Head | undefined): Promise<WrittenBlocks | undefined> {
    // Anew: hours may have passed, and another one may be there.
    const cache = await DigestCache.open(this.#path);
    const trusted = cache !== undefined && (await this.#isOfDestination(cache));
    await keeping(REFUSED, async () => cache?.invalidate());
    this.#hashing = head ?? cache?.hello ?? DEFAULT_HASHING;
    const { digest, blockSize } = this.#hashing;
    if (head !== undefined && trusted) {
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
   * Writes the digests of the destination, which is on the disk by now. What is known is put together, if the root of that is that of
   * the source; otherwise the destination is read.
   *
   * @throws CacheWriteError, SpoolError, the engine's failures
   */
  async update(source: KnownSource): Promise<void> {
    await keeping(INCOMPLETE, () => this.#update(source));
  }

  async #update(source: KnownSource): Promise<void> {
    const { engine, debug } = this.#context;
    const reader = await engine.openReader(this.#sink, "off");
    const about = { size: reader.size, identity: await engine.identity(reader) };
    const merge = await this.#merging(about.size);
    if (
      merge !== undefined &&
      source.root !== undefined &&
      (await this.#write(about, source, merge))
    ) {
      debug(`${this.#path} brought up to date`);
      return;
    }
    debug(`reading the destination for ${this.#path}`);
    const aside = this.#context.progress.aside("reading for its digests", about.size);
    const quiet = { ...this.#context, progress: aside };
    await this.#write(about, undefined, async (take) => {
      await scanSource(quiet, reader, [{ start: 0, end: about.size }], this.#hashing, take);
      return true;
    });
    aside.finish(true);
  }

  /** Whether a cache is of the destination as it is now. */
  async #isOfDestination({ path, hello }: DigestCache): Promise<boolean> {
    const { engine, debug } = this.#context;
    const reader = await engine.openReader(this.#sink, "off");
    const identity = await engine.identity(reader);
    const same = identity === hello.identity && reader.size === hello.size;
    if (!same) {
      debug(`${path} is not of the destination as it is now`);
    }
    return same;
  }

  /** How to put together what is known of a destination that has `size` bytes now; undefined where too little is. */
  async #merging(size: number): Promise<((take: TakeDigests) => Promise<boolean>) | undefined> {
    const [before, records] = [this.#before, this.#records];
    if (before === undefined || records === undefined) {
      return undefined;
    }
    await records.end();
    return async (take) => {
      try {
        return await mergeDigests(this.#context, before, records, size, take);
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
   * Writes what `produce` passes on.
   *
   * @param source what the first blocks have to have the root of; undefined for no matter what
   * @param produce passes the digests of all blocks on, and says whether it could
   * @returns whether it has been written
   */
  async #write(
    about: { size: number; identity: string },
    source: KnownSource | undefined,
    produce: (take: TakeDigests) => Promise<boolean>,
  ): Promise<boolean> {
    const encoder = new HashEncoder(this.#hashing, { accepts: BLOCK_CODECS, ...about });
    const root = new Root(this.#hashing);
    const proof = new RootOfPrefix(this.#hashing, source?.size ?? about.size, about.size);
    const file = await NewFile.create(this.#path);
    try {
      await file.append(encoder.begin({ reserveRoot: true }));
      const whole = await produce(async (position, length, digests) => {
        root.add(digests);
        proof.add(position, length, digests);
        await file.append([encoder.blocks(position, length, digests)]);
      });
      if (!whole || (source !== undefined && !proof.is(source.root))) {
        await file.discard();
        return false;
      }
      const found = root.finish(about.size);
      await file.append([encoder.rest(about.size), ...encoder.end(found)]);
      await file.rewrite(encoder.beginWith(found));
      await file.commit();
      return true;
    } catch (error) {
      // What went wrong first is what counts.
      await file.discard().catch(() => undefined);
      throw error;
    }
  }
}

/** What is wrong with the file is wrong with what is to be kept. */
async function keeping(when: Keeping, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw error instanceof StreamError ? new CacheWriteError(error.message, when) : error;
  }
}
