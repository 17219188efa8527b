import * as t from "typanion";

import { isBlockSize } from "../../protocol/limits.ts";
import type { Kind } from "./declare.ts";
import { isOffset } from "./offset.ts";
import { refuse } from "./refuse.ts";

/** Bytes in a block, written as an offset is. */
export const SIZE: Kind<number> = {
  name: "SIZE",
  form: /^\d/,
  type: "number | string",
  example: "64K",
  words: ["4K", "16K", "64K", "128K", "1M"],
  validator: t.cascade(
    isOffset,
    t.makeValidator({
      test: (value: number, state): value is number =>
        isBlockSize(value) ||
        refuse(state, `${value} bytes are not a block; give a power of two from 4K to 16M`),
    }),
  ),
};
