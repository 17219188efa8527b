import { blocksIn, PartsDigest } from "../../blocks/parts-digest.ts";
import type * as Binding from "../../native/binding.js";
import { DIGEST_LENGTHS } from "../../protocol/digest.ts";
import { ProtocolError } from "../../protocol/error.ts";
import type { BlockHeader } from "../../protocol/block-stream/frames.ts";
import type { DigestPart, NamedHello } from "./digest-parts.ts";

/** The part of the addon that computes digests. */
export interface Digesting {
  native: typeof Binding;
  engine: Pick<Binding.Engine, "zeroDigest">;
}

/**
 * Finds the digest of each block of a source from those of the destination and an answer to them: a block that was not sent is the same.
 */
export class SourceDigests {
  readonly #hello: NamedHello;
  readonly #size: number;
  readonly #parts: PartsDigest;
  readonly #zeros: (length: number) => Uint8Array;
  readonly #digestLength: number;
  #part: DigestPart | undefined;
  /** Position of the next block. */
  #next = 0;
  /** The blocks that were found since `take`, and their digests. */
  #blocks: { position: number; length: number }[] = [];
  #found: Uint8Array[] = [];

  /** @param size size of the source */
  constructor({ native, engine }: Digesting, hello: NamedHello, size: number) {
    this.#hello = hello;
    this.#size = size;
    this.#parts = new PartsDigest(native, hello);
    this.#digestLength = DIGEST_LENGTHS[hello.digest];
    const zeros = engine.zeroDigest(hello.digest, hello.blockSize);
    this.#zeros = (length) =>
      length === hello.blockSize ? zeros : engine.zeroDigest(hello.digest, length);
  }

  /** Begins a part. */
  begin(part: DigestPart): void {
    this.#part = part;
    this.#next = part.start;
  }

  /**
   * Takes a block or a run of zeros of the answer.
   *
   * @throws ProtocolError if it is not made of whole blocks of the part
   */
  add({ command, position, block = 0, digest, streamOffset }: BlockHeader): void {
    const { blockSize } = this.#hello;
    const end = position + block;
    const isWhole = position % blockSize === 0 && (end % blockSize === 0 || end === this.#size);
    const isOne = digest === undefined || block <= blockSize;
    if (!isWhole || !isOne || position < this.#next || end > this.#end) {
      throw new ProtocolError(
        "outside",
        streamOffset,
        `a \`${command}\` frame from offset ${position} to ${end} that was not asked for, at byte ${streamOffset} of the block stream`,
      );
    }
    this.#addSame(position, streamOffset);
    const blocks = blocksIn(position, block, blockSize);
    this.#append(blocks, digest ?? Buffer.concat(blocks.map(({ length }) => this.#zeros(length))));
    this.#next = end;
  }

  /**
   * Ends the part.
   *
   * @param streamOffset bytes in the answer so far
   * @throws ProtocolError if a block is missing that the destination does not have
   */
  end(streamOffset: number): void {
    this.#addSame(this.#end, streamOffset);
    this.#part = undefined;
  }

  /** Returns the digests that were found since the last call. */
  take(): Uint8Array {
    const digests = Buffer.concat(this.#found);
    this.#parts.add(this.#blocks, digests);
    this.#found = [];
    this.#blocks = [];
    return digests;
  }

  /** Returns the digest of the parts, when all have ended and been taken. */
  finish(): Uint8Array {
    return this.#parts.finish(this.#size);
  }

  /** End of what the part has of the source. */
  get #end(): number {
    const { end = 0, isLast = false } = this.#part ?? {};
    return isLast ? this.#size : Math.min(end, this.#size);
  }

  /** Adds blocks that were not sent, up to an offset. */
  #addSame(end: number, streamOffset: number): void {
    const [start, part] = [this.#next, this.#part];
    if (part === undefined || start >= end) {
      return;
    }
    const { blockSize, size } = this.#hello;
    const isWhole = end % blockSize === 0 || this.#size === size;
    if (end > size || !isWhole) {
      throw new ProtocolError(
        "damaged",
        streamOffset,
        `a block between offset ${start} and ${end} is missing, which the destination does not have, at byte ${streamOffset} of the block stream`,
      );
    }
    const blocks = blocksIn(start, end - start, blockSize);
    const from = ((start - part.start) / blockSize) * this.#digestLength;
    this.#append(blocks, part.digests.subarray(from, from + blocks.length * this.#digestLength));
    this.#next = end;
  }

  #append(blocks: readonly { position: number; length: number }[], digests: Uint8Array): void {
    for (const block of blocks) {
      this.#blocks.push(block);
    }
    this.#found.push(digests);
  }
}
