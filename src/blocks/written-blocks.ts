import type { BlockFrame } from "../protocol/block-stream/decoder.ts";
import { DIGEST_LENGTHS, type DigestName } from "../protocol/digest.ts";
import { ProtocolError } from "../protocol/error.ts";
import { Spool } from "../transport/streams/spool.ts";

/** A block that has been written, and its digest. */
export interface WrittenBlock {
  position: number;
  length: number;
  /** By the algorithm of the list; all zeros for a run of zeros without a digest. */
  digest: Uint8Array;
}

/** Offset of the digest in an entry, after the position (8 bytes) and the length (4 bytes). */
const DIGEST_AT = 12;

/** Entries to read at once. */
const ENTRIES = 1024;

/** Records the blocks that have been written. There may be millions, so the list is kept in a temporary file. */
export class WrittenBlocks {
  /** The algorithm of the digests. */
  readonly digest: DigestName;
  readonly #spool: Spool;
  readonly #entryLength: number;
  #end = 0;
  #blocks = 0;

  private constructor(digest: DigestName, spool: Spool) {
    this.digest = digest;
    this.#entryLength = DIGEST_AT + DIGEST_LENGTHS[digest];
    this.#spool = spool;
  }

  /**
   * Creates an empty list.
   *
   * @throws TemporaryError
   */
  static async begin(digest: DigestName): Promise<WrittenBlocks> {
    return new WrittenBlocks(digest, await Spool.create());
  }

  /** Returns the list in a file that several processes have open. */
  static in(digest: DigestName, spool: Spool): WrittenBlocks {
    return new WrittenBlocks(digest, spool);
  }

  /** The number of blocks. */
  get blocks(): number {
    return this.#blocks;
  }

  /**
   * Adds the blocks of a batch with their lengths and digests.
   *
   * @throws TemporaryError; ProtocolError `out-of-order` for a block that does not lie after the one before, and might overwrite it
   */
  async add(
    frames: readonly BlockFrame[],
    lengths: readonly number[],
    digests: Uint8Array,
  ): Promise<void> {
    const entryLength = this.#entryLength;
    const entries = Buffer.alloc(frames.length * entryLength);
    for (const [index, { position, streamOffset }] of frames.entries()) {
      if (position < this.#end) {
        throw new ProtocolError(
          "out-of-order",
          streamOffset,
          `the block for offset ${position} does not lie after the one before, at byte ${streamOffset} of the block input stream`,
        );
      }
      const length = lengths[index] ?? 0;
      const at = index * entryLength;
      const digestLength = entryLength - DIGEST_AT;
      entries.writeBigUInt64BE(BigInt(position), at);
      entries.writeUInt32BE(length, at + 8);
      entries.set(
        digests.subarray(index * digestLength, (index + 1) * digestLength),
        at + DIGEST_AT,
      );
      this.#end = position + length;
    }
    this.#blocks += frames.length;
    await this.#spool.append(entries);
  }

  /** Marks the end of the list, and writes it out. */
  async end(): Promise<void> {
    await this.#spool.flush();
  }

  /** Yields all blocks in order, many at a time. */
  async *all(): AsyncGenerator<WrittenBlock[]> {
    for await (const bytes of this.#spool.chunks(ENTRIES * this.#entryLength)) {
      const blocks: WrittenBlock[] = [];
      for (let at = 0; at < bytes.length; at += this.#entryLength) {
        blocks.push({
          position: Number(bytes.readBigUInt64BE(at)),
          length: bytes.readUInt32BE(at + 8),
          digest: bytes.subarray(at + DIGEST_AT, at + this.#entryLength),
        });
      }
      yield blocks;
    }
  }
}
