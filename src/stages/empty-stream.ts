import { BlockDecoder } from "../protocol/block-stream/decoder.ts";
import type { Head } from "../protocol/block-stream/head.ts";
import { ProtocolError } from "../protocol/error.ts";
import type { Input } from "../transport/streams/input.ts";

/** More bytes than a stream without blocks has: it is three frames, of at most 4 KiB each. */
const LONGEST = 16 * 1024;

/**
 * Reads a block stream without blocks, up to the end of the input; no stream at all is fine too.
 *
 * @param begin called with its head as soon as that is there
 * @throws ProtocolError if it has blocks, is damaged, or something follows it; StreamError, and the errors of `begin`
 */
export async function readEmptyStream(
  input: Input,
  begin: (head: Head | undefined) => Promise<void>,
): Promise<void> {
  const decoder = new BlockDecoder();
  const memory = new Uint8Array(LONGEST);
  let parsed = 0;
  let begun = false;
  let done = false;
  while ((await input.read(memory.subarray(input.bytes))) > 0) {
    const decoded = decoder.decode(memory, parsed, input.bytes, parsed);
    const hasMore = done || (decoded.done && parsed + decoded.consumed < input.bytes);
    if (hasMore || decoded.frames.length > 0 || input.bytes === LONGEST) {
      const what = "the source has sent blocks, but only digests are compared here";
      throw new ProtocolError("other-stream", parsed, what);
    }
    parsed += decoded.consumed;
    ({ done } = decoded);
    if (!begun && (done || decoder.head !== undefined)) {
      begun = true;
      await begin(decoder.head);
    }
  }
  if (!done && input.bytes > 0) {
    throw decoder.ended(memory.subarray(parsed, input.bytes), parsed);
  }
}
