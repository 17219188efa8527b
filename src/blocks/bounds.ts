import type { BlockFrame } from "../protocol/block-stream/decoder.ts";
import type { Hashing } from "../protocol/digest.ts";
import { ProtocolError } from "../protocol/error.ts";
import type { Head } from "../protocol/block-stream/head.ts";
import type { Extent } from "../ranges/extents.ts";
import type { Sizes } from "./sizes.ts";

/** The blocks whose digests a process sends. */
export interface BlockRequest {
  /** The digest and the size of the blocks. */
  hashing: Hashing;
  /** The blocks whose digests are sent, in ascending order, without overlaps. */
  extents: readonly Extent[];
  /** True if all that the source has after the end of the destination was asked for too. */
  openEnded: boolean;
  /** Bytes in the destination. */
  size: number;
  /** An extended stream was asked for, and nothing else is an answer. */
  extended: boolean;
}

/** The blocks that a destination has asked a source for: here, and in all parts of the copy. */
export interface CopyRequest extends BlockRequest {
  /** True if all parts together ask for what the source has after the end of the destination. */
  reachesEnd: boolean;
  /** True if all parts together ask for all of the source. */
  whole: boolean;
}

/**
 * Where the blocks of a stream may be written to. A source, or what stands in its place, can send anything: the destination knows by itself
 * what it has asked for, and nothing else is written.
 */
export class Bounds {
  readonly #extents: readonly Extent[];
  /** From here on all is wanted, up to the limit. */
  readonly #open: number;
  /** Nothing is written from here on. */
  readonly #limit: number;

  /** @param limit the size that the destination will have, in bytes; Infinity where nobody knows it */
  constructor(extents: readonly Extent[], open: number, limit: number) {
    this.#extents = extents;
    this.#open = open;
    this.#limit = limit;
  }

  /**
   * Bytes that a block may have at most, from its position on.
   *
   * @throws ProtocolError `outside` for a block with a byte that was not asked for
   */
  room({ position, block, streamOffset }: BlockFrame): number {
    const room = this.#endAt(position) - position;
    // Of a compressed block without a length, the engine sees the end.
    if (room < (block ?? 1)) {
      const what = block === undefined ? "A block" : `A block of ${block} bytes`;
      const where =
        position + (block ?? 1) > this.#limit
          ? `reaches beyond the ${this.#limit} bytes that the destination may have`
          : "lies outside of what the destination has asked for";
      throw new ProtocolError(
        "outside",
        streamOffset,
        `${what} for offset ${position} ${where}, at byte ${streamOffset} of the block input stream`,
      );
    }
    return room;
  }

  /** The end of the range without a gap that `position` lies in; no more than `position` where it lies in none. */
  #endAt(position: number): number {
    let place = this.#before(position);
    let end = this.#extents[place]?.end ?? 0;
    for (let next = this.#extents[++place]; next && next.start <= end;) {
      end = Math.max(end, next.end);
      next = this.#extents[++place];
    }
    return Math.min(Math.max(position, end) >= this.#open ? Infinity : end, this.#limit);
  }

  /** The place of the last extent that does not begin after `position`; -1 if there is none. */
  #before(position: number): number {
    let [low, high] = [0, this.#extents.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#extents[middle]?.start ?? Infinity) <= position) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }
}

/**
 * Where a stream may be written to that answers what was asked for.
 *
 * @param head what the stream says of itself; undefined for one of blockcopy 0.0.2
 * @throws ProtocolError `not-asked` for another kind of stream than was asked for
 */
export function boundsOfAnswer(asked: BlockRequest, head: Head | undefined, sizes: Sizes): Bounds {
  const { extents, openEnded, size, extended } = asked;
  const open = openEnded ? size : Infinity;
  if (!extended) {
    if (head !== undefined) {
      throw notAsked("It is an extended one, and one of blockcopy 0.0.2 was asked for");
    }
    // That of a source which may not be larger is known; any other size is not in such a stream.
    const fixed = sizes === "same" || sizes === "larger";
    return new Bounds(extents, open, fixed || !openEnded ? size : Infinity);
  }
  if (head === undefined) {
    throw notAsked("It has no seal, and a sealed one was asked for");
  }
  const { digest, blockSize } = asked.hashing;
  if (head.digest !== digest || head.blockSize !== blockSize) {
    throw notAsked(
      `It has ${head.digest} digests of blocks of ${head.blockSize} bytes, and ${digest} of ${blockSize} were asked for`,
    );
  }
  if (head.source.size === undefined) {
    throw notAsked("It does not name the size of the source");
  }
  return new Bounds(extents, open, head.source.size);
}

/**
 * Where an extended stream may be written to that nobody here has asked for: anywhere in the source that it names.
 *
 * @param size bytes in the destination, which does not grow where the size of the source is not named
 */
export function boundsOfStream(head: Head, size: number): Bounds {
  return new Bounds([], 0, head.source.size ?? size);
}

function notAsked(why: string): ProtocolError {
  return new ProtocolError(
    "not-asked",
    0,
    `The block stream is not the answer to what the destination has sent: ${why}, at byte 0 of the block input stream`,
  );
}
