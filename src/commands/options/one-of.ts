import * as t from "typanion";

import type { Kind } from "./declare.ts";
import { refuse } from "./refuse.ts";

/** Makes the kind of a value that is one of at least two words. */
export function oneOf<const T extends string>(
  name: string,
  words: readonly T[],
  example: T = words[0] as T,
): Kind<T> {
  const list = `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  return {
    name,
    words,
    example,
    form: new RegExp(`^(?:${words.join("|")})$`),
    validator: t.makeValidator({
      test: (value, state): value is T =>
        words.some((word) => word === value) ||
        refuse(state, `${JSON.stringify(value)} is not ${list}`),
    }),
  };
}
