import * as t from "typanion";

import type { Kind } from "./declare.ts";
import { refuse } from "./refuse.ts";

/** Version of another program whose protocol is spoken. */
export const WIRE: Kind<"0.0.2"> = {
  name: "VERSION",
  form: /^0\.0\.2$/,
  words: ["0.0.2"],
  example: "0.0.2",
  validator: t.makeValidator({
    test: (value, state): value is "0.0.2" =>
      value === "0.0.2" ||
      refuse(state, `unknown protocol version ${JSON.stringify(value)}; give 0.0.2`),
  }),
};
