import { type BlockDecoder, blockDataEnded, type Peeked } from "./decoder.ts";
import { COMMAND_LENGTH } from "../bytes.ts";
import type { BlockHeader } from "./frames.ts";
import { ProtocolError } from "../error.ts";

/** A frame of a block stream without its payload, or a piece of that payload. */
export type Piece = Exclude<Peeked, { kind: "partial" }> | { kind: "payload"; bytes: Uint8Array };

/** Walks through a block stream that arrives in chunks, wherever these are cut. Payloads are passed on without a look at them. */
export class BlockWalker {
  readonly #decoder: BlockDecoder;
  /** Bytes of an incomplete frame. */
  #rest: Uint8Array = new Uint8Array(0);
  /** Offset of these bytes in the stream. */
  #offset = 0;
  /** The block whose payload is incomplete, and the number of bytes that are missing. */
  #payload: { header: BlockHeader; missing: number } | undefined;
  #done = false;

  /** @param decoder checks the frames; each has been consumed by the time it is yielded */
  constructor(decoder: BlockDecoder) {
    this.#decoder = decoder;
  }

  /** Length of the stream so far. */
  get bytes(): number {
    return this.#offset + this.#rest.length;
  }

  /**
   * Yields the pieces in the next bytes, in order. All of them are views into one buffer, valid until the chunk is overwritten.
   *
   * @throws ProtocolError
   */
  *walk(chunk: Uint8Array): Generator<Piece> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const piece = bytes.length === 0 ? undefined : this.#next(bytes);
      if (piece === undefined) {
        break;
      }
      const length = piece.kind === "done" ? COMMAND_LENGTH : piece.bytes.length;
      this.#rest = bytes.subarray(length);
      bytes = this.#rest;
      this.#offset += length;
      yield piece;
    }
    this.#rest = Uint8Array.from(bytes);
  }

  /**
   * Checks that the stream is complete.
   *
   * @throws ProtocolError if it is cut off
   */
  end(): void {
    if (this.#payload !== undefined) {
      const { header, missing } = this.#payload;
      throw blockDataEnded(header, header.headerLength + header.length - missing);
    }
    if (!this.#done) {
      throw this.#decoder.ended(this.#rest, this.#offset);
    }
  }

  /** Consumes the next piece. Returns undefined if it is incomplete. */
  #next(bytes: Uint8Array): Piece | undefined {
    if (this.#payload !== undefined) {
      const payload = bytes.subarray(0, this.#payload.missing);
      this.#payload.missing -= payload.length;
      if (this.#payload.missing === 0) {
        this.#payload = undefined;
      }
      return { kind: "payload", bytes: payload };
    }
    if (this.#done) {
      throw new ProtocolError(
        "damaged",
        this.#offset,
        `bytes follow \`done\`, at byte ${this.#offset} of the block stream`,
      );
    }
    const peeked = this.#decoder.peek(bytes, this.#offset);
    if (peeked.kind === "partial") {
      return undefined;
    }
    this.#decoder.take(peeked);
    if (peeked.kind === "block" && peeked.header.length > 0) {
      this.#payload = { header: peeked.header, missing: peeked.header.length };
    }
    this.#done = peeked.kind === "done";
    return peeked;
  }
}
