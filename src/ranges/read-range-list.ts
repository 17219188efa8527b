import type * as Binding from "../native/binding.js";
import {
  RANGE_LENGTH,
  LIST_END_LENGTH,
  LIST_HEADER_LENGTH,
  RangeListDecoder,
  rangeListEnded,
} from "../protocol/range-list.ts";
import { Input } from "../transport/streams/streams.ts";
import type { Extent } from "./extents.ts";

/** Extents that are read together. */
const TOGETHER = 4096;

/**
 * Reads the list of extents that stands before the block stream on standard input, and nothing behind it.
 *
 * @throws ProtocolError, StreamError
 */
export async function readRangeList(native: typeof Binding): Promise<Extent[]> {
  const input = new Input(native, "list of ranges");
  const read = async (length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(length);
    if ((await input.readFully(bytes)) < length) {
      throw rangeListEnded(input.bytes);
    }
    return bytes;
  };
  const decoder = new RangeListDecoder(await read(LIST_HEADER_LENGTH));
  const extents: Extent[] = [];
  for (let left = decoder.count; left > 0; left -= TOGETHER) {
    extents.push(...decoder.extents(await read(Math.min(left, TOGETHER) * RANGE_LENGTH)));
  }
  decoder.end(await read(LIST_END_LENGTH));
  return extents;
}
