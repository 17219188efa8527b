import * as t from "typanion";

import type { Part } from "../../blocks/part.ts";
import { refuse } from "./refuse.ts";

/** Which of several parts, as `1/4`. */
export const isPart: t.StrictValidator<unknown, Part> = t.makeValidator({
  test: (value, state): value is Part => {
    const [number = 0, count = 0] = String(value).split("/").map(Number);
    if (!/^[1-9]\d?\/[1-9]\d?$/.test(String(value)) || number > count) {
      return refuse(state, `${JSON.stringify(value)} is no part; give one as 1/4`);
    }
    if (state?.coercions !== undefined && state.coercion !== undefined) {
      state.coercions.push([state.p ?? ".", state.coercion.bind(null, { number, count })]);
    }
    return true;
  },
});
