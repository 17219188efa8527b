import { BlockDecoder } from "../protocol/block-stream/decoder.ts";
import { BlockWalker } from "../protocol/block-stream/walker.ts";
import { ProtocolError } from "../protocol/error.ts";

/**
 * Checks that a stream is a complete delta: an extended block stream that names its destination. A shell at the source may have written
 * something before it, or the remote shell may have lost its end without an error. Payloads are skipped, because `save` checks their digests.
 */
export class DeltaStream {
  readonly #decoder = new BlockDecoder();
  readonly #walker = new BlockWalker(this.#decoder);
  /** Bytes of all blocks so far. */
  #changed = 0;

  /** Length of the stream so far. */
  get bytes(): number {
    return this.#walker.bytes;
  }

  /**
   * Checks the next bytes.
   *
   * @throws ProtocolError
   */
  add(chunk: Uint8Array): void {
    for (const piece of this.#walker.walk(chunk)) {
      if (this.#decoder.head?.base === undefined) {
        throw namesNoBase();
      }
      if (piece.kind === "block") {
        this.#changed += piece.header.block ?? 0;
      }
    }
  }

  /**
   * Checks that the stream is complete.
   *
   * @param sent bytes of the blocks that the source reports; undefined if it reports none
   * @throws ProtocolError if the stream is cut off, or the source has sent other blocks
   */
  end(sent?: number): void {
    this.#walker.end();
    if (sent !== undefined && sent !== this.#changed) {
      throw new ProtocolError(
        "damaged",
        this.bytes,
        `the source says that it has sent ${sent} bytes of blocks, but ${this.#changed} arrived`,
      );
    }
  }
}

/** Returns the error for a stream that does not name its destination. */
export function namesNoBase(): ProtocolError {
  return new ProtocolError(
    "unsupported",
    0,
    "the blocks do not say what they are a difference from",
  );
}
