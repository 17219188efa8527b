import { readCommand, viewOf } from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import { ProtocolError, type ProtocolErrorCode } from "./error.ts";
import { MAX_POSITION } from "./limits.ts";

/** The same as in `src/ranges`, which this folder may not import. */
interface ListedExtent {
  readonly start: number;
  readonly end: number;
}

/** Extents in a row, in an array or in less memory. */
interface ListedExtents {
  readonly length: number;
  at: (index: number) => ListedExtent | undefined;
}

/** The first four bytes of a range list. */
const NAME = "rngs";

/** Bytes before the extents: the name and the number of extents (4 bytes). */
export const LIST_HEADER_LENGTH = 8;

/** Bytes in an extent: `start` and `end`, 8 each. */
export const RANGE_LENGTH = 16;

/** Bytes after the extents: the CRC-32 of all bytes before. */
export const LIST_END_LENGTH = 4;

/** Most extents in a list: 64 MiB. The number is checked against this before memory is allocated for it. */
export const MAX_EXTENTS = 4 * 1024 * 1024;

/** Extents to encode at once. */
const CHUNK = 4096;

/**
 * Encodes the list of extents to copy, in chunks. It precedes the block stream to a destination that is copied with
 * `--ranges`.
 *
 * @throws RangeError if there are more than `MAX_EXTENTS`
 */
export function* encodeRangeList(extents: ListedExtents): Generator<Uint8Array> {
  if (extents.length > MAX_EXTENTS)
    throw new RangeError(`${extents.length} extents in a range list`);
  const header = Buffer.alloc(LIST_HEADER_LENGTH);
  header.write(NAME, "latin1");
  header.writeUInt32BE(extents.length, NAME.length);
  let crc = crc32(header);
  yield header;
  for (let from = 0; from < extents.length; from += CHUNK) {
    const count = Math.min(CHUNK, extents.length - from);
    const chunk = Buffer.alloc(count * RANGE_LENGTH);
    for (let index = 0; index < count; index += 1) {
      const { start, end } = extents.at(from + index) ?? { start: 0, end: 0 };
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

/** Decodes a range list piece by piece. */
export class RangeListDecoder {
  /** The number of extents. */
  readonly count: number;
  #crc: number;

  /**
   * @param header the first `LIST_HEADER_LENGTH` bytes
   * @throws ProtocolError
   */
  constructor(header: Uint8Array) {
    const view = viewOf(header);
    if (readCommand(view, 0) !== NAME)
      throw faulty("unknown-command", `does not begin with \`${NAME}\``);
    this.count = view.getUint32(NAME.length);
    if (this.count > MAX_EXTENTS)
      throw faulty("bad-length", `has ${this.count} ranges, more than ${MAX_EXTENTS}`);
    this.#crc = crc32(header);
  }

  /**
   * Decodes the next extents. `bytes` must not end inside one.
   * @throws ProtocolError
   */
  extents(bytes: Uint8Array): ListedExtent[] {
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
   * Checks the checksum of all that has been decoded.
   * @param bytes the last `LIST_END_LENGTH` bytes
   * @throws ProtocolError
   */
  end(bytes: Uint8Array): void {
    if (viewOf(bytes).getUint32(0) !== this.#crc)
      throw faulty("damaged", "does not match its checksum");
  }
}

/** Returns the error for a list that ended after `bytes` bytes. */
export function rangeListEnded(bytes: number): ProtocolError {
  return faulty("truncated-frame", `ended after ${bytes} bytes`);
}

/** Returns an error at offset 0, because the list begins the input. */
function faulty(code: ProtocolErrorCode, what: string): ProtocolError {
  return new ProtocolError(code, 0, `the list of ranges before the block stream ${what}`);
}
