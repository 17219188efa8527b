import * as t from "typanion";

import { refuse } from "./refuse.ts";

/** One of at least two words; the message for others names them. */
export function isOneOf<const T extends string>(
  words: readonly T[],
): t.StrictValidator<unknown, T> {
  return t.makeValidator({
    test: (value, state): value is T =>
      words.some((word) => word === value) ||
      refuse(
        state,
        `${JSON.stringify(value)} is not ${words.slice(0, -1).join(", ")} or ${words.at(-1)}`,
      ),
  });
}
