import { BlockDecoder } from "../protocol/block-stream/decoder.ts";
import type { Head } from "../protocol/block-stream/head.ts";
import type { Input } from "../transport/streams/input.ts";

/** More bytes than the head of a stream has. */
const LONGEST_HEAD = 16 * 1024;

/**
 * Reads the head of a block stream, which is then read again. Undefined for a stream without one.
 *
 * @throws ProtocolError if it is damaged, or the input ends before; StreamError
 */
export async function readHead(input: Input): Promise<Head | undefined> {
  const decoder = new BlockDecoder();
  const memory = new Uint8Array(LONGEST_HEAD);
  for (;;) {
    const arrived = memory.subarray(0, input.bytes);
    const next = decoder.peek(arrived, 0);
    if (next.kind !== "partial") {
      decoder.take(next);
      input.unread(arrived);
      return decoder.head;
    }
    if ((await input.read(memory.subarray(input.bytes))) === 0) {
      throw decoder.ended(arrived, 0);
    }
  }
}
