import { COMMAND_LENGTH } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/error.ts";
import {
  decodeTrailer,
  type Trailer,
  trailerEnded,
  trailerLength,
} from "../../protocol/block-stream/trailer.ts";
import type { Input } from "../../transport/streams/input.ts";

/**
 * Reads the trailer, which follows `done`.
 *
 * @param begun the bytes after `done` that have been read already
 * @returns undefined if the stream has no trailer
 * @throws ProtocolError, StreamError
 */
export async function readTrailer(
  input: Pick<Input, "bytes" | "read">,
  begun: Uint8Array,
): Promise<Trailer | undefined> {
  const offset = input.bytes - begun.length;
  let bytes = begun;
  for (;;) {
    const length = trailerLength(bytes, offset);
    if (bytes.length >= length && bytes.length > COMMAND_LENGTH) {
      return decodeTrailer(bytes.subarray(0, length), offset);
    }
    const more = new Uint8Array(length - bytes.length);
    const count = await input.read(more);
    if (count === 0 && bytes.length === 0) {
      return undefined;
    }
    if (count === 0) {
      throw trailerEnded(bytes, offset);
    }
    bytes = Buffer.concat([bytes, more.subarray(0, count)]);
  }
}

/**
 * Refuses a stream without a trailer.
 *
 * @param option the option that needs the trailer
 * @param offset length of the stream
 * @throws ProtocolError `no-trailer`
 */
export function requireTrailer(
  trailer: Trailer | undefined,
  option: string,
  offset: number,
): asserts trailer is Trailer {
  if (trailer === undefined) {
    throw new ProtocolError(
      "no-trailer",
      offset,
      `the block stream ended at byte ${offset}, without the trailer that ${option} needs`,
    );
  }
}
