import * as t from "typanion";

import { isBlockSize } from "../../protocol/limits.ts";
import { isOffset } from "./offset.ts";
import { refuse } from "./refuse.ts";

/** Bytes in a block, as a person writes them: what an offset looks like. */
export const isBlockSizeOption: t.StrictValidator<unknown, number> = t.cascade(
  isOffset,
  t.makeValidator({
    test: (value: number, state): value is number =>
      isBlockSize(value) ||
      refuse(state, `${value} bytes are no block; give a power of two from 4K to 16M`),
  }),
);
