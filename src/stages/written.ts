import type * as Binding from "../native/binding.js";
import type { BlockFrame } from "../protocol/block-stream.ts";
import { ProtocolError } from "../protocol/error.ts";
import { Spool } from "../transport/spool.ts";

/** A block that was written, and its digest. */
export interface WrittenBlock {
  position: number;
  length: number;
  /** A view into memory that is used again. */
  digest: Uint8Array;
}

/** A position (8 bytes), a length (4 bytes), a digest (32 bytes). */
const ENTRY_LENGTH = 44;
const DIGEST_AT = 12;

/** Entries that are passed on together. */
const ENTRIES = 1024;

/** Remembers which blocks were written, outside the memory: there may be millions. */
export class Written {
  /** The algorithm of the digests: the quicker one, and the shorter. */
  readonly digest = "blake3";
  readonly #spool: Spool;
  #end = 0;
  #blocks = 0;

  private constructor(spool: Spool) {
    this.#spool = spool;
  }

  /**
   * Begins with nothing.
   *
   * @throws SpoolError
   */
  static async begin(): Promise<Written> {
    return new Written(await Spool.create());
  }

  /** How many blocks there are. */
  get blocks(): number {
    return this.#blocks;
  }

  /**
   * Adds what a batch has written.
   *
   * @throws SpoolError; ProtocolError `unsupported` when a block does not lie behind the one before: it might replace a part of it
   */
  async add(frames: readonly BlockFrame[], { lengths, digests }: Binding.Applied): Promise<void> {
    const entries = Buffer.alloc(frames.length * ENTRY_LENGTH);
    for (const [index, { position, streamOffset }] of frames.entries()) {
      if (position < this.#end) {
        throw new ProtocolError(
          "out-of-order",
          streamOffset,
          `The block for offset ${position} does not lie behind the one before, at byte ${streamOffset} of the block input stream`,
        );
      }
      const length = lengths[index] ?? 0;
      const at = index * ENTRY_LENGTH;
      const digestLength = ENTRY_LENGTH - DIGEST_AT;
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

  /** Nothing more is added. */
  async end(): Promise<void> {
    await this.#spool.flush();
  }

  /** All blocks, in order, some at a time. */
  async *all(): AsyncGenerator<WrittenBlock[]> {
    for await (const bytes of this.#spool.chunks(ENTRIES * ENTRY_LENGTH)) {
      const blocks: WrittenBlock[] = [];
      for (let at = 0; at < bytes.length; at += ENTRY_LENGTH) {
        blocks.push({
          position: Number(bytes.readBigUInt64BE(at)),
          length: bytes.readUInt32BE(at + 8),
          digest: bytes.subarray(at + DIGEST_AT, at + ENTRY_LENGTH),
        });
      }
      yield blocks;
    }
  }
}
