import { isBlockSize } from "../../protocol/limits.ts";
import type { Kind } from "./declare.ts";
import { parseOffset } from "./offset.ts";

/** Bytes in a block, written as an offset is. */
export const SIZE: Kind<number> = {
  name: "SIZE",
  form: /^\d/,
  type: "number | string",
  example: "64K",
  words: ["4K", "16K", "64K", "128K", "1M"],
  read: (text) => {
    const size = parseOffset(text);
    if (!isBlockSize(size)) {
      throw new Error(`${size} bytes are not a block; give a power of two from 4K to 16M`);
    }
    return size;
  },
};
