import { COMMAND_LENGTH } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/error.ts";
import { decodeTail, type Tail, tailEnded, tailLength } from "../../protocol/block-stream/tail.ts";
import type { Input } from "../../transport/streams/streams.ts";

/**
 * Reads the trailer, which follows `done`.
 *
 * @param behind what has been read of it already
 * @returns what it says; undefined when the stream has none
 * @throws ProtocolError, StreamError
 */
export async function readTail(
  input: Pick<Input, "bytes" | "read">,
  behind: Uint8Array,
): Promise<Tail | undefined> {
  const offset = input.bytes - behind.length;
  let bytes = behind;
  for (;;) {
    const length = tailLength(bytes, offset);
    if (bytes.length >= length && bytes.length > COMMAND_LENGTH) {
      return decodeTail(bytes.subarray(0, length), offset);
    }
    const more = new Uint8Array(length - bytes.length);
    const count = await input.read(more);
    if (count === 0 && bytes.length === 0) {
      return undefined;
    }
    if (count === 0) {
      throw tailEnded(bytes, offset);
    }
    bytes = Buffer.concat([bytes, more.subarray(0, count)]);
  }
}

/**
 * Refuses a stream without a trailer.
 *
 * @param option what needs it
 * @param offset bytes in the stream
 * @throws ProtocolError `no-trailer`
 */
export function requireTail(
  tail: Tail | undefined,
  option: string,
  offset: number,
): asserts tail is Tail {
  if (tail === undefined) {
    throw new ProtocolError(
      "no-trailer",
      offset,
      `The block stream ended without the trailer that ${option} needs, at byte ${offset}`,
    );
  }
}
