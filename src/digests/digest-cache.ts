import { Root } from "../blocks/root.ts";
import type { TakeDigests } from "../blocks/scan.ts";
import { CopyError, UsageError } from "../errors/copy-error.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import type * as Binding from "../native/binding.js";
import { ProtocolError } from "../protocol/error.ts";
import { joined } from "../protocol/fields.ts";
import { DIGEST_LENGTHS } from "../protocol/digest.ts";
import { HashDecoder } from "../protocol/hash-stream/decoder.ts";
import {
  encodeHashFrames,
  type HashFrame,
  hashFrameLength,
} from "../protocol/hash-stream/frames.ts";
import type { ReceivedHello } from "../protocol/hash-stream/hello.ts";
import { type Removed, StreamFile } from "../transport/files/stream-file.ts";
import { distrustOfNew, refuseUntrusted } from "../transport/files/trust.ts";

/** The name of such a file in messages. */
const CACHE = "the digest cache";

/** Advice for a cache that is out of date. */
const REMOVE = "remove it: the next run then reads the destination and writes a new one";

/** Advice for a file that is not a digest cache. It may be anything, so it must not say "remove it" without condition. */
const NOT_A_CACHE =
  "give the name of a file that `save --update-digests` or `checksum --extended` has written; remove it only if it is the rest of such a file that was cut off";

/** Advice for a cache that changes while it is used. */
const AGAIN = "run it again";

/** A file does not hold the digests of this destination. */
export class CacheError extends CopyError {
  override readonly name = "CacheError";

  /** @param path the name of the file, which begins the message */
  constructor(path: string, what: string, advice = REMOVE) {
    super(`${path} ${what}`, advice, ExitCode.otherDestination);
  }
}

/** A block with a digest in the cache. */
export type KnownBlock = HashFrame & { kind: "hash"; position: number };

/** The hello of a digest cache, which names what the digests belong to. */
type CacheHello = ReceivedHello & { size: number; identity: string; root: Uint8Array };

/** Digests to read at once. */
const AT_ONCE = 1024;

/** Reads a digest cache: a hash stream in a file, with the digests of all blocks of a file or device. */
export class DigestCache {
  readonly hello: CacheHello;
  readonly #file: StreamFile;
  /** Offset of the first digest in the file. */
  readonly #begin: number;

  private constructor(file: StreamFile, { hello, begin }: Beginning) {
    this.#file = file;
    this.hello = hello;
    this.#begin = begin;
  }

  /**
   * Opens a digest cache. Returns undefined if the file does not exist.
   *
   * @throws CacheError if the file is not a digest cache; UntrustedError, UsageError, OpenError, StreamError
   */
  static async open(path: string): Promise<DigestCache | undefined> {
    const file = await StreamFile.open(path);
    if (file === undefined) {
      refuseUntrusted(CACHE, await distrustOfNew(path));
      return undefined;
    }
    try {
      return new DigestCache(file, await readHello(file));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Opens a digest cache that another process of this copy has checked and still has open. Its name may be gone by now.
   *
   * @param found the descriptor of that process, as a path
   * @param root the root digest that it names
   * @throws CacheError if it is another file; OpenError, StreamError
   */
  static async openShared(path: string, found: string, root: Uint8Array): Promise<DigestCache> {
    const file = await StreamFile.open(path, found);
    if (file === undefined) {
      throw new CacheError(path, "is not open any more in the process that has checked it", AGAIN);
    }
    try {
      const beginning = await decodeHello(file);
      if (Buffer.compare(beginning.hello.root, root) !== 0) {
        throw new CacheError(path, "is not the one that was checked", AGAIN);
      }
      return new DigestCache(file, beginning);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The descriptor by which other processes of this copy can open it. */
  get descriptor(): number {
    return this.#file.descriptor;
  }

  /** The name of the file. */
  get path(): string {
    return this.#file.path;
  }

  /**
   * Yields the digests in order, many at a time.
   *
   * @throws CacheError if the file is damaged; StreamError
   */
  async *blocks(native: typeof Binding): AsyncGenerator<KnownBlock[]> {
    const decoder = new HashDecoder();
    let rest: Uint8Array = new Uint8Array(0);
    let offset = 0;
    let next = 0;
    const root = new Root(native, this.hello);
    const { size } = this.hello;
    for await (const chunk of this.#file.chunks()) {
      const bytes = Buffer.concat([rest, chunk]);
      const { frames, consumed, done } = asCacheError(this.path, REMOVE, () =>
        decoder.decode(bytes, offset),
      );
      const blocks = frames.filter((frame): frame is KnownBlock => frame.kind === "hash");
      for (const block of blocks) {
        this.#checkPosition(block, next);
        next = block.position + block.length;
      }
      root.add(joined(...blocks.map(({ digest }) => digest)));
      yield blocks;
      offset += consumed;
      rest = bytes.subarray(consumed);
      if (done) {
        if (next !== size || Buffer.compare(root.finish(next).root, this.hello.root) !== 0) {
          throw new CacheError(this.path, "does not have the root digest that it names");
        }
        return;
      }
    }
    throw new CacheError(this.path, "is not complete");
  }

  /**
   * Passes on the digests of an extent, many at a time. It begins and ends with a block.
   *
   * @throws CacheError if the file does not have them; StreamError, and the errors of `take`
   */
  async digestsIn(
    { start, end }: { start: number; end: number },
    take: TakeDigests,
  ): Promise<void> {
    const { blockSize } = this.hello;
    for (let position = start; position < end;) {
      const length = Math.min(AT_ONCE * blockSize, end - position);
      await take(position, length, await this.#digestsOf(position, length));
      position += length;
    }
  }

  /** Reads the digests of the blocks that cover `length` bytes from `position`. */
  async #digestsOf(position: number, length: number): Promise<Uint8Array> {
    const { blockSize, digest } = this.hello;
    const digestLength = DIGEST_LENGTHS[digest];
    const frameLength = hashFrameLength({ stream: "hash", command: "Hash", offset: 0 }, digest);
    const count = Math.ceil(length / blockSize);
    // All frames before have the same length.
    const at = this.#begin + (position / blockSize) * frameLength;
    const frames = await this.#file.read(at, count * frameLength);
    const digests = new Uint8Array(count * digestLength);
    for (let index = 1; index <= count; index += 1) {
      const end = index * frameLength;
      digests.set(frames.subarray(end - digestLength, end), (index - 1) * digestLength);
    }
    // A file that has other frames before, or is shorter, has others here.
    const expected = encodeHashFrames(position, length, blockSize, digests, digest);
    if (frames.compare(expected) !== 0) {
      throw this.#lacking(position);
    }
    return digests;
  }

  /** Refuses a block that is not the whole block at offset `next`. */
  #checkPosition({ position, length }: KnownBlock, next: number): void {
    const { blockSize, size } = this.hello;
    if (position !== next || length !== Math.min(blockSize, size - position)) {
      throw this.#lacking(next);
    }
  }

  #lacking(offset: number): CacheError {
    return new CacheError(this.path, `lacks the digests from offset ${offset} on`);
  }

  /**
   * Removes the name of the file before the destination changes. Returns once it is gone for good, whoever has removed it. The open file can
   * still be read.
   *
   * @throws StreamError
   */
  invalidate(): Promise<Removed> {
    return this.#file.remove();
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** The beginning of a digest cache. */
interface Beginning {
  hello: CacheHello;
  /** Offset of the first frame after the hello. */
  begin: number;
}

/**
 * Reads the hello of a digest cache.
 *
 * @throws CacheError if the file is not a digest cache; UntrustedError, UsageError, OpenError, StreamError
 */
async function readHello(file: StreamFile): Promise<Beginning> {
  const { path } = file;
  if (!file.isRegular) {
    throw new UsageError(`${path} is not a regular file`, "give the name of one, or a new name");
  }
  refuseUntrusted(CACHE, await file.distrust());
  return decodeHello(file);
}

/** @throws CacheError if the file is not a digest cache; StreamError */
async function decodeHello(file: StreamFile): Promise<Beginning> {
  const { path } = file;
  const decoder = new HashDecoder();
  let begin = 0;
  for await (const chunk of file.chunks()) {
    const { frames, consumed } = asCacheError(path, NOT_A_CACHE, () => decoder.decode(chunk, 0));
    begin = frames[0]?.streamOffset ?? consumed;
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
    throw new CacheError(path, what, NOT_A_CACHE);
  }
  return { hello: { ...hello, size, identity, root }, begin };
}

/** Runs `decode`, and reports a fault in the stream as a fault of the cache. */
function asCacheError<T>(path: string, advice: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw error instanceof ProtocolError
      ? new CacheError(path, `holds no digests, or is damaged: ${error.message}`, advice)
      : error;
  }
}
