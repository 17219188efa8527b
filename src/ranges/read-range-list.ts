import type * as Binding from "../native/binding.js";
import {
  RANGE_LENGTH,
  LIST_END_LENGTH,
  LIST_HEADER_LENGTH,
  RangeListDecoder,
  rangeListEnded,
} from "../protocol/range-list.ts";
import { Input } from "../transport/streams/input.ts";
import { Extents } from "./extents.ts";

/** Extents to read at once. */
const CHUNK = 4096;

/**
 * Reads the range list that precedes the block stream on standard input, and nothing after it.
 *
 * @throws ProtocolError, StreamError
 */
export async function readRangeList(native: typeof Binding): Promise<Extents> {
  const input = new Input(native, "list of ranges");
  const read = async (length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(length);
    if ((await input.readFully(bytes)) < length) {
      throw rangeListEnded(input.bytes);
    }
    return bytes;
  };
  const decoder = new RangeListDecoder(await read(LIST_HEADER_LENGTH));
  const extents = new Extents();
  for (let left = decoder.count; left > 0; left -= CHUNK) {
    const some = decoder.extents(await read(Math.min(left, CHUNK) * RANGE_LENGTH));
    for (const extent of some) extents.append(extent);
  }
  decoder.end(await read(LIST_END_LENGTH));
  return extents;
}
