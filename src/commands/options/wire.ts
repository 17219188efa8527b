import * as t from "typanion";

import { refuse } from "./refuse.ts";

/** The wire of another program that can be asked for by its version. */
export const isWire: t.StrictValidator<unknown, "0.0.2"> = t.makeValidator({
  test: (value, state): value is "0.0.2" =>
    value === "0.0.2" ||
    refuse(state, `${JSON.stringify(value)} is no wire that can be asked for; give 0.0.2`),
});
