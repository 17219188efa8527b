import type { BlockFrame } from "../protocol/block-stream/decoder.ts";
import type { Hashing } from "../protocol/digest.ts";
import { ProtocolError } from "../protocol/error.ts";
import type { Head } from "../protocol/block-stream/head.ts";
import { type ExtentList, gaplessTo, lastNotAfter } from "../ranges/extents.ts";
import type { Sizes } from "./destination-sizes.ts";

/** The blocks that one process of a destination asks for: those whose digests it sends. */
export interface BlockRequest {
  /** Block size and algorithm. */
  hashing: Hashing;
  /** The blocks whose digests are sent, in ascending order, without overlaps. More are added as this process takes parts of the copy. */
  extents: ExtentList;
  /** The parts of these extents that are requested for the audit alone; undefined without an audit. */
  audited?: ExtentList | undefined;
  /** True if it includes all that the source has after the end of the destination; true from when this process takes the last part. */
  openEnded: boolean;
  /** Bytes in the destination before the copy. */
  size: number;
  /** The offset from which on it includes everything, if it is open-ended: the end of the destination, and of what is asked for block by block. */
  openFrom: number;
  /** Only an extended stream is an answer. */
  extended: boolean;
}

/** A request, with what all parts of the copy together ask for. */
export interface CopyRequest extends BlockRequest {
  /** True if all parts together include what the source has after the end of the destination. */
  reachesEnd: boolean;
  /** True if all parts together cover all of the source, whatever its size. */
  whole: boolean;
  /** Offset before which all parts together leave nothing out; what follows the end of the destination is not counted. */
  coveredTo: number;
}

/** Returns what the extents of all parts of a copy reach, in ascending order, if the parts together are `openEnded`. */
export function reachOf(
  extents: ExtentList,
  { size, openEnded }: Pick<BlockRequest, "size" | "openEnded">,
): Pick<CopyRequest, "reachesEnd" | "whole" | "coveredTo"> {
  const coveredTo = gaplessTo(extents);
  return { reachesEnd: openEnded, whole: openEnded && coveredTo >= size, coveredTo };
}

/**
 * The offsets that the blocks of a stream may have. A hostile source can send any block; the destination writes only what it
 * has requested.
 */
export class Bounds {
  readonly #extents: ExtentList;
  /** Returns the offset from which on every block is requested, up to the limit. */
  readonly #open: () => number;
  /** Offset from which on nothing is written. */
  readonly #limit: number;

  /** @param limit the size that the destination will have; Infinity if it is unknown */
  constructor(extents: ExtentList, open: () => number, limit: number) {
    this.#extents = extents;
    this.#open = open;
    this.#limit = limit;
  }

  /**
   * Returns the most bytes that a block may have.
   *
   * @throws ProtocolError `outside` for a block with a byte that was not requested
   */
  limitOf({ position, block, streamOffset }: BlockFrame): number {
    const limit = this.#endAt(position) - position;
    // If the header does not name the length of the block, the engine checks it while decoding.
    if (limit < (block ?? 1)) {
      const what = block === undefined ? "a block" : `a block of ${block} bytes`;
      const where =
        position + (block ?? 1) > this.#limit
          ? `reaches beyond the ${this.#limit} bytes that the destination may have`
          : "lies outside the request of the destination";
      throw new ProtocolError(
        "outside",
        streamOffset,
        `${what} for offset ${position} ${where}, at byte ${streamOffset} of the block input stream`,
      );
    }
    return limit;
  }

  /** Returns the end of the gapless range around `position`; at most `position` if no extent contains it. */
  #endAt(position: number): number {
    let index = lastNotAfter(this.#extents, position);
    // With -1, `at` would return the last extent.
    let end = index < 0 ? 0 : (this.#extents.at(index)?.end ?? 0);
    for (let next = this.#extents.at(++index); next && next.start <= end;) {
      end = Math.max(end, next.end);
      next = this.#extents.at(++index);
    }
    return Math.min(Math.max(position, end) >= this.#open() ? Infinity : end, this.#limit);
  }
}

/**
 * Returns the bounds for a stream that answers a request.
 *
 * @param head undefined for a legacy stream
 * @throws ProtocolError `not-asked` if the stream is not of the requested kind
 */
export function boundsOfAnswer(
  request: BlockRequest,
  head: Head | undefined,
  sizes: Sizes,
): Bounds {
  const { extents, openEnded, size, openFrom, extended } = request;
  const open = (): number => (request.openEnded ? openFrom : Infinity);
  if (!extended) {
    if (head !== undefined) {
      throw noAnswer("it is extended, and the protocol of blockcopy 0.0.2 was requested");
    }
    // A legacy stream does not name the size of the source. It is known only if the source may not be larger.
    const fixed = sizes === "same" || sizes === "larger";
    return new Bounds(extents, open, fixed || !openEnded ? size : Infinity);
  }
  if (head === undefined) {
    throw noAnswer("it has no seal, and a sealed one was requested");
  }
  const { digest, blockSize } = request.hashing;
  if (head.digest !== digest || head.blockSize !== blockSize) {
    throw noAnswer(
      `it has ${head.digest} digests of blocks of ${head.blockSize} bytes, and ${digest} of ${blockSize} were requested`,
    );
  }
  if (head.source.size === undefined) {
    throw noAnswer("it does not name the size of the source");
  }
  return new Bounds(extents, open, head.source.size);
}

/**
 * Returns the bounds for an extended stream that this process has not requested: all of the source, up to the end that the stream names.
 *
 * @param size size of the destination, which does not grow if the stream does not name the size of the source
 */
export function boundsOfStream(head: Head, size: number): Bounds {
  return new Bounds([], () => 0, Math.min(head.source.size ?? size, head.end ?? Infinity));
}

function noAnswer(why: string): ProtocolError {
  return new ProtocolError(
    "not-asked",
    0,
    `the block stream does not answer the request of the destination: ${why}, at byte 0 of the block input stream`,
  );
}
