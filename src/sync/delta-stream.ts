import { BlockDecoder, blockDataEnded } from "../protocol/block-stream/decoder.ts";
import { COMMAND_LENGTH } from "../protocol/bytes.ts";
import type { BlockHeader } from "../protocol/block-stream/frames.ts";
import { ProtocolError } from "../protocol/error.ts";

/**
 * Checks that a stream is a complete delta: an extended block stream that names its destination. A shell at the source may have written
 * something before it, or the remote shell may have lost its end without an error. Payloads are skipped, because `save` checks their digests.
 */
export class DeltaStream {
  readonly #decoder = new BlockDecoder();
  /** Bytes of an incomplete frame. */
  #rest: Uint8Array = new Uint8Array(0);
  /** Offset of these bytes in the stream. */
  #offset = 0;
  /** The block whose payload is incomplete, and the number of bytes that are missing. */
  #payload: { header: BlockHeader; missing: number } | undefined;
  #done = false;
  /** Bytes of all blocks so far. */
  #changed = 0;

  /** Length of the stream so far. */
  get bytes(): number {
    return this.#offset + this.#rest.length;
  }

  /**
   * Checks the next bytes.
   *
   * @throws ProtocolError
   */
  add(chunk: Uint8Array): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length > 0) {
      const count = this.#next(bytes);
      if (count === 0) {
        break;
      }
      bytes = bytes.subarray(count);
      this.#offset += count;
    }
    this.#rest = Uint8Array.from(bytes);
  }

  /**
   * Checks that the stream is complete.
   *
   * @param sent bytes of the blocks that the source reports; undefined if it reports none
   * @throws ProtocolError if the stream is cut off, or the source has sent other blocks
   */
  end(sent?: number): void {
    if (this.#payload !== undefined) {
      const { header, missing } = this.#payload;
      throw blockDataEnded(header, header.headerLength + header.length - missing);
    }
    if (!this.#done) {
      throw this.#decoder.ended(this.#rest, this.#offset);
    }
    if (sent !== undefined && sent !== this.#changed) {
      throw new ProtocolError(
        "damaged",
        this.#offset,
        `the source says that it has sent ${sent} bytes of blocks, but ${this.#changed} arrived`,
      );
    }
  }

  /** Checks the next frame. Returns the bytes of it that were checked; 0 if it is incomplete. */
  #next(bytes: Uint8Array): number {
    if (this.#payload !== undefined) {
      return this.#skip(this.#payload, bytes.length);
    }
    if (this.#done) {
      throw new ProtocolError(
        "damaged",
        this.#offset,
        `bytes follow \`done\`, at byte ${this.#offset} of the delta`,
      );
    }
    const peeked = this.#decoder.peek(bytes, this.#offset);
    if (peeked.kind === "partial") {
      return 0;
    }
    if (peeked.kind === "description") {
      this.#decoder.take(peeked);
    }
    if (this.#decoder.head?.base === undefined) {
      throw new ProtocolError(
        "unsupported",
        0,
        "the blocks do not say what they are a difference from",
      );
    }
    if (peeked.kind === "block") {
      const { header } = peeked;
      this.#decoder.take(peeked);
      this.#changed += header.block ?? 0;
      this.#payload = header.length > 0 ? { header, missing: header.length } : undefined;
      return header.headerLength;
    }
    if (peeked.kind === "description") {
      return peeked.bytes.length;
    }
    this.#done = true;
    return COMMAND_LENGTH;
  }

  #skip(payload: { missing: number }, available: number): number {
    const count = Math.min(payload.missing, available);
    payload.missing -= count;
    if (payload.missing === 0) {
      this.#payload = undefined;
    }
    return count;
  }
}
