import { BlockDecoder, blockDataEnded } from "../protocol/block-stream/decoder.ts";
import { COMMAND_LENGTH } from "../protocol/bytes.ts";
import type { BlockHeader } from "../protocol/block-stream/frames.ts";
import { ProtocolError } from "../protocol/error.ts";

/**
 * Looks whether what comes is a delta: an extended block stream that names its destination, from its first byte to its last. A
 * shell at the other end may have written something before it, and what connects may have lost the end without a word. Payloads
 * are passed over: `save` checks each by its digest.
 */
export class DeltaStream {
  readonly #decoder = new BlockDecoder();
  /** Bytes of a frame whose header is incomplete. */
  #rest: Uint8Array = new Uint8Array(0);
  /** Bytes from the start of the stream to the rest. */
  #offset = 0;
  /** The block whose payload is not all there, and how many bytes of it are missing. */
  #payload: { header: BlockHeader; missing: number } | undefined;
  #done = false;
  /** Bytes of the blocks so far. */
  #changed = 0;

  /** Bytes so far. */
  get bytes(): number {
    return this.#offset + this.#rest.length;
  }

  /**
   * Goes on with the next bytes.
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
   * Says that no more will come.
   *
   * @param sent bytes of the blocks that the source says it has sent; undefined if it does not say
   * @throws ProtocolError when that is not the end, or the blocks are not those that were sent
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
        `The source says that it has sent ${sent} bytes of blocks, and ${this.#changed} came`,
      );
    }
  }

  /** How many of the bytes are passed; 0 when it takes more of them. */
  #next(bytes: Uint8Array): number {
    if (this.#payload !== undefined) {
      return this.#pass(this.#payload, bytes.length);
    }
    if (this.#done) {
      throw new ProtocolError(
        "damaged",
        this.#offset,
        `Bytes follow \`done\`, at byte ${this.#offset} of the delta`,
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
        "The blocks do not say what they are a difference from",
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

  #pass(payload: { missing: number }, available: number): number {
    const count = Math.min(payload.missing, available);
    payload.missing -= count;
    if (payload.missing === 0) {
      this.#payload = undefined;
    }
    return count;
  }
}
