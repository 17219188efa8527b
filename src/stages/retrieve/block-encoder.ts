import type * as Binding from "../../native/binding.js";
import { BLOCK_HEADER_LENGTH, encodeBlockHeader } from "../../protocol/block-stream/frames.ts";
import { DIGEST_LENGTHS } from "../../protocol/digest.ts";
import { encodeDone } from "../../protocol/hash-stream/frames.ts";
import { encodeHead, type Head } from "../../protocol/block-stream/head.ts";
import { MAX_FRAME_LENGTH } from "../../protocol/limits.ts";
import { encodeMark, encodeRecordHeader, encodeZeros } from "../../protocol/block-stream/record.ts";
import type { RootDigest } from "../../protocol/root-digest.ts";
import { Seal } from "../../protocol/seal.ts";
import type { SourceDescription } from "../../protocol/source-fields.ts";
import { encodeTrailer } from "../../protocol/block-stream/trailer.ts";

/** Encodes a block stream. */
export interface BlockEncoder {
  /** True if it needs the digest of each block, and encodes blocks of zeros without a payload. */
  readonly extended: boolean;
  /** True if it ends with the root digest of the source. */
  readonly sendsRoot: boolean;
  /** Returns the beginning of the stream. */
  begin(): Uint8Array[];
  /** Returns the frames for a batch whose payloads lie in `memory`: at most two buffers per block. */
  blocks(diff: Binding.Diff, memory: Uint8Array): Uint8Array[];
  /** Returns the mark that follows the answer to everything before `offset`. */
  mark(offset: number): Uint8Array[];
  /** Returns the end of the stream, with the digest of the parts that it answers if it has marks. */
  end(root: RootDigest | undefined, parts?: Uint8Array): Uint8Array[];
}

/** Encodes the block stream of blockcopy 0.0.2, and after its end a trailer, which 0.0.2 does not read. */
export class LegacyEncoder implements BlockEncoder {
  readonly extended = false;
  readonly sendsRoot: boolean;
  readonly #source: SourceDescription | undefined;

  /** @param source the content of the trailer; undefined for a stream without one */
  constructor(source: SourceDescription | undefined) {
    this.#source = source;
    this.sendsRoot = source !== undefined;
  }

  begin(): Uint8Array[] {
    return [];
  }

  blocks({ changed }: Binding.Diff, memory: Uint8Array): Uint8Array[] {
    return changed.flatMap(({ codec, position, offset, length }) => {
      const header = new Uint8Array(BLOCK_HEADER_LENGTH);
      encodeBlockHeader(header, 0, codec === "raw" ? "data" : "dlzm", position, length);
      return [header, memory.subarray(offset, offset + length)];
    });
  }

  mark(): never {
    throw new TypeError("a stream of blockcopy 0.0.2 has no marks");
  }

  end(root: RootDigest | undefined): Uint8Array[] {
    const done = encodeDone();
    return this.#source === undefined ? [done] : [done, encodeTrailer({ ...this.#source, root })];
  }
}

/** Encodes an extended block stream. */
export class ExtendedEncoder implements BlockEncoder {
  readonly extended = true;
  readonly sendsRoot = true;
  readonly #head: Head;
  readonly #seal = new Seal();

  constructor(head: Head) {
    this.#head = head;
  }

  begin(): Uint8Array[] {
    return [encodeHead(this.#head)];
  }

  blocks({ changed, digests }: Binding.Diff, memory: Uint8Array): Uint8Array[] {
    const digestLength = DIGEST_LENGTHS[this.#head.digest];
    const parts: Uint8Array[] = [];
    // Adjacent blocks of zeros become one frame.
    let zeros = { position: 0, length: 0 };
    const endZeros = (): void => {
      if (zeros.length > 0) {
        const frame = encodeZeros(zeros.position, zeros.length);
        this.#seal.addRecord(frame);
        parts.push(frame);
      }
      zeros = { position: 0, length: 0 };
    };
    for (const { codec, position, offset, length, block, index } of changed) {
      if (codec === "zeros") {
        const isAdjacent = position === zeros.position + zeros.length;
        if (!isAdjacent || zeros.length + block > MAX_FRAME_LENGTH) {
          endZeros();
        }
        zeros =
          zeros.length === 0
            ? { position, length: block }
            : { ...zeros, length: zeros.length + block };
        continue;
      }
      endZeros();
      const digest = digests.subarray(index * digestLength, (index + 1) * digestLength);
      const header = encodeRecordHeader({ position, block, codec, length, digest });
      this.#seal.addRecord(header);
      parts.push(header, memory.subarray(offset, offset + length));
    }
    endZeros();
    return parts;
  }

  mark(offset: number): Uint8Array[] {
    const frame = encodeMark(offset);
    this.#seal.addRecord(frame);
    return [frame];
  }

  end(root: RootDigest | undefined, parts?: Uint8Array): Uint8Array[] {
    return [this.#seal.encode(root, parts), encodeDone()];
  }
}
