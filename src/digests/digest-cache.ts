import { ExitCode } from "../errors/exit-codes.ts";
import { CopyError, UsageError } from "../errors/copy-error.ts";
import type * as Binding from "../native/binding.js";
import { ProtocolError } from "../protocol/error.ts";
import { HashDecoder } from "../protocol/hash-stream/decoder.ts";
import type { HashFrame } from "../protocol/hash-stream/frames.ts";
import type { ReceivedHello } from "../protocol/hash-stream/hello.ts";
import { StreamFile } from "../transport/files/stream-file.ts";
import { distrustOfNew } from "../transport/files/trusted.ts";
import type { StageContext } from "../blocks/context.ts";
import { Root } from "../blocks/root.ts";
import { Slots } from "../blocks/slots.ts";
import { refuseUntrusted } from "../transport/files/untrusted.ts";

/** So many blocks are read, to see whether a cache is true: a destination that was changed a little may pass. */
const SAMPLES = 64;

/** Room for what direct I/O reads around a block, in bytes. */
const MARGIN = 256 * 1024;

/** And besides these so many at the beginning. */
const FIRST = 8;

/** The file, in messages. */
const CACHE = "the digest cache";

/** What to do about one that is out of date. */
const REMOVE = "remove it, so that the destination is read and its digests kept anew";

/** What to do about the digests of something else. */
const OTHER =
  "give the name of its own, or of none that exists, so that the destination is read and its digests kept there";

/** What to do about one that is none: it may be anything, and nobody must be told to remove that. */
const NOT_ONE =
  "give the name of one that `save --update-digests` or `checksum --extended` has written, or remove it if that was cut off";

/** A file does not hold the digests of this destination. */
export class CacheError extends CopyError {
  override readonly name = "CacheError";

  /** `path` is that of the cache. */
  constructor(path: string, what: string, advice = REMOVE) {
    super(`${path} ${what}`, advice, ExitCode.otherDestination);
  }
}

/** A block of which the digest is known. */
type Known = HashFrame & { kind: "hash"; position: number };

/** What a digest cache says of itself. */
export type CacheHello = ReceivedHello & { size: number; identity: string; root: Uint8Array };

/** The digests of all blocks of a file or device, kept in a file: a hash stream that knows what it is of. */
export class DigestCache {
  /** What it says of itself. */
  readonly hello: CacheHello;
  readonly #file: StreamFile;

  private constructor(file: StreamFile, hello: CacheHello) {
    this.#file = file;
    this.hello = hello;
  }

  /**
   * Opens one; undefined when there is none of this name.
   *
   * @throws CacheError for a file that is not a digest cache; UntrustedError, UsageError, OpenError, StreamError
   */
  static async open(path: string): Promise<DigestCache | undefined> {
    const file = await StreamFile.open(path);
    if (file === undefined) {
      refuseUntrusted(CACHE, await distrustOfNew(path));
      return undefined;
    }
    if (!file.isRegular) {
      throw new UsageError(`${path} is not a regular file`, "give the name of one, or a new name");
    }
    refuseUntrusted(CACHE, await file.distrust());
    const decoder = new HashDecoder();
    for await (const chunk of file.chunks()) {
      refusing(path, NOT_ONE, () => decoder.decode(chunk, 0));
      break;
    }
    const { hello } = decoder;
    const { size, identity, root } = hello ?? {};
    if (
      hello?.accepts === undefined ||
      size === undefined ||
      identity === undefined ||
      root === undefined
    ) {
      const what = "does not hold the digests of all of a file or device";
      throw new CacheError(path, what, NOT_ONE);
    }
    return new DigestCache(file, { ...hello, size, identity, root });
  }

  /** The name of the file. */
  get path(): string {
    return this.#file.path;
  }

  /**
   * The digests, in order, many at a time.
   *
   * @throws CacheError when it is damaged; StreamError
   */
  async *blocks(): AsyncGenerator<Known[]> {
    const decoder = new HashDecoder();
    let rest: Uint8Array = new Uint8Array(0);
    let offset = 0;
    let next = 0;
    const root = new Root(this.hello);
    const { blockSize, size } = this.hello;
    for await (const chunk of this.#file.chunks()) {
      const bytes = Buffer.concat([rest, chunk]);
      const { frames, consumed, done } = refusing(this.path, REMOVE, () =>
        decoder.decode(bytes, offset),
      );
      const blocks = frames.filter((frame): frame is Known => frame.kind === "hash");
      for (const { position, length, digest } of blocks) {
        if (position !== next || length !== Math.min(blockSize, size - position)) {
          throw new CacheError(this.path, `lacks the digests from offset ${next} on`);
        }
        next = position + length;
        root.add(digest);
      }
      yield blocks;
      offset += consumed;
      rest = bytes.subarray(consumed);
      if (done) {
        if (next !== size || Buffer.compare(root.finish(next).root, this.hello.root) !== 0) {
          throw new CacheError(this.path, "does not have the root that it names");
        }
        return;
      }
    }
    throw new CacheError(this.path, "is not complete");
  }

  /** Takes its name away: from now on it may be wrong. It can still be read here. */
  async invalidate(): Promise<void> {
    await this.#file.remove();
  }

  /** Closes it, where it is not read any more. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}

/**
 * Checks that a cache is that of `source`, as far as that can be seen without reading all of it: the same file or device,
 * of the same size, the file not written to since, and the same content at some places.
 *
 * @throws CacheError, StreamError, the engine's failures
 */
export async function checkCache(
  context: StageContext,
  cache: DigestCache,
  source: Binding.Source,
  file: string,
): Promise<void> {
  const { engine, debug } = context;
  const { size, identity } = cache.hello;
  const found = await engine.identity(source);
  if (found !== identity) {
    throw new CacheError(
      cache.path,
      changedSince(identity, found)
        ? `does not hold the digests of ${file} as it is now: it was written to since, or something else of it was changed`
        : `does not hold the digests of ${file}, but of another file or device`,
      changedSince(identity, found) ? REMOVE : OTHER,
    );
  }
  if (size !== source.size) {
    throw new CacheError(
      cache.path,
      `does not hold the digests of ${file} as it is now: they are of ${size} bytes, and it has ${source.size}`,
    );
  }
  const samples = new Samples(Math.ceil(size / cache.hello.blockSize));
  for await (const blocks of cache.blocks()) {
    samples.add(blocks);
  }
  const { blockSize, digest: algorithm } = cache.hello;
  const { slab } = new Slots(context.native, 1, blockSize + MARGIN);
  for (const { position, length, digest } of samples.blocks) {
    const now = await engine.scan(source, slab, 0, {
      position,
      length,
      blockLength: blockSize,
      algorithm,
    });
    if (Buffer.compare(now, digest) !== 0) {
      throw new CacheError(
        cache.path,
        `does not hold the digests of ${file} as it is now: the block at offset ${position} is another`,
      );
    }
  }
  debug(`${cache.path} is of ${file}: ${samples.blocks.length} blocks of it looked at`);
}

/** Blocks taken at random, one out of each of as many parts of the whole. */
class Samples {
  readonly blocks: Known[] = [];
  readonly #wanted: number[];
  #seen = 0;

  /** `count` is that of all blocks. */
  constructor(count: number) {
    const samples = Math.min(SAMPLES, count);
    const random = Array.from({ length: samples }, (_, part) =>
      Math.floor(((part + Math.random()) * count) / samples),
    );
    // A file system that is mounted writes to its first blocks, if only that it is.
    const first = Array.from({ length: Math.min(FIRST, count) }, (_, block) => block);
    this.#wanted = [...new Set([...first, ...random])].toSorted((a, b) => a - b);
  }

  add(blocks: Known[]): void {
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

/** What is wrong with a stream is here wrong with the cache. */
function refusing<T>(path: string, advice: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw error instanceof ProtocolError
      ? new CacheError(path, `holds no digests, or is damaged: ${error.message}`, advice)
      : error;
  }
}

/** Whether two identities are of the same file, which has changed in between: then they differ in their last word alone. */
function changedSince(before: string, now: string): boolean {
  const file = (identity: string): string => identity.slice(0, identity.lastIndexOf(" "));
  return before.startsWith("file ") && file(before) === file(now);
}
