import * as t from "typanion";

import { refuse } from "./refuse.ts";

/** A function that reads text, and how to recognise what it returns. */
interface Parser<T> {
  /** @throws Error that shows the text and says what to give */
  parse: (text: string) => T;
  isParsed: (value: unknown) => value is T;
  /** Message for what is neither text nor parsed. */
  expected: string;
}

/** Makes the validator of an option from the function that reads its text. */
export function parsedBy<T>({
  parse,
  isParsed,
  expected,
}: Parser<T>): t.StrictValidator<unknown, T> {
  return t.makeValidator({
    test: (value, state): value is T => {
      if (isParsed(value)) {
        return true;
      }
      if (typeof value !== "string") {
        return refuse(state, expected);
      }
      if (state?.coercions === undefined || state.coercion === undefined) {
        return refuse(state, "a value given as text needs coercion");
      }
      try {
        state.coercions.push([state.p ?? ".", state.coercion.bind(null, parse(value))]);
        return true;
      } catch (error) {
        return refuse(state, (error as Error).message);
      }
    },
  });
}
