import { crc32 } from "node:zlib";

import { readCommand, viewOf } from "./bytes.ts";
import { ProtocolError, type ProtocolErrorCode } from "./error.ts";
import { MAX_POSITION } from "./limits.ts";

/** A piece of a file or device: the offsets of its first byte and of the byte after its last one. */
interface Extent {
  start: number;
  end: number;
}

/** What a preface begins with. */
const NAME = "rngs";

/** Bytes before the extents: the name, and how many extents there are (4 bytes). */
export const LIST_HEADER_LENGTH = 8;

/** Bytes of an encoded range: its two offsets, 8 each. */
export const RANGE_LENGTH = 16;

/** Bytes behind the extents: the CRC-32 of all that is before. */
export const LIST_END_LENGTH = 4;

/** Most extents of a preface, which are 64 MiB of it. What it says is checked against this before anything is allocated for it. */
export const MAX_EXTENTS = 4 * 1024 * 1024;

/** Extents that are encoded together. */
const TOGETHER = 4096;

/**
 * What stands before the block stream on its way to a destination of which only some extents are to be read, in chunks.
 *
 * @throws RangeError when there are more than `MAX_EXTENTS`
 */
export function* encodeRangeList(extents: readonly Extent[]): Generator<Uint8Array> {
  if (extents.length > MAX_EXTENTS) throw new RangeError(`${extents.length} extents in a preface`);
  const header = Buffer.alloc(LIST_HEADER_LENGTH);
  header.write(NAME, "latin1");
  header.writeUInt32BE(extents.length, NAME.length);
  let crc = crc32(header);
  yield header;
  for (let from = 0; from < extents.length; from += TOGETHER) {
    const some = extents.slice(from, from + TOGETHER);
    const chunk = Buffer.alloc(some.length * RANGE_LENGTH);
    for (const [index, { start, end }] of some.entries()) {
      chunk.writeBigUInt64BE(BigInt(start), index * RANGE_LENGTH);
      chunk.writeBigUInt64BE(BigInt(end), index * RANGE_LENGTH + 8);
    }
    crc = crc32(chunk, crc);
    yield chunk;
  }
  const end = Buffer.alloc(LIST_END_LENGTH);
  end.writeUInt32BE(crc);
  yield end;
}

/** Decodes a preface, part by part. */
export class RangeListDecoder {
  /** How many extents there are. */
  readonly count: number;
  #crc: number;

  /**
   * `header` is its first `LIST_HEADER_LENGTH` bytes.
   * @throws ProtocolError
   */
  constructor(header: Uint8Array) {
    const view = viewOf(header);
    if (readCommand(view, 0) !== NAME) throw faulty("unknown-command", "does not begin as one");
    this.count = view.getUint32(NAME.length);
    if (this.count > MAX_EXTENTS)
      throw faulty("bad-length", `has ${this.count} ranges, more than ${MAX_EXTENTS}`);
    this.#crc = crc32(header);
  }

  /**
   * The extents that the next bytes are, which must be whole ones.
   * @throws ProtocolError
   */
  extents(bytes: Uint8Array): Extent[] {
    this.#crc = crc32(bytes, this.#crc);
    const view = viewOf(bytes);
    return Array.from({ length: bytes.length / RANGE_LENGTH }, (_, index) => {
      const start = view.getBigUint64(index * RANGE_LENGTH);
      const end = view.getBigUint64(index * RANGE_LENGTH + 8);
      if (start > end || end > MAX_POSITION)
        throw faulty("bad-position", `has a range from ${start} to ${end}`);
      return { start: Number(start), end: Number(end) };
    });
  }

  /**
   * Looks whether all that was decoded is what was encoded.
   * @param bytes the last `LIST_END_LENGTH` bytes
   * @throws ProtocolError
   */
  end(bytes: Uint8Array): void {
    if (viewOf(bytes).getUint32(0) !== this.#crc)
      throw faulty("damaged", "does not have the checksum that it names");
  }
}

/** The error for a preface that ended after `bytes`. */
export function rangeListEnded(bytes: number): ProtocolError {
  return faulty("truncated-frame", `ended after ${bytes} bytes`);
}

/** It is at the beginning of what is read, whatever is wrong with it. */
function faulty(code: ProtocolErrorCode, what: string): ProtocolError {
  return new ProtocolError(code, 0, `The list of ranges before the block stream ${what}`);
}
