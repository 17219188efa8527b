import * as t from "typanion";

import { BASE_NAME } from "../../incremental/base-name.ts";
import type { Kind } from "./declare.ts";
import { refuse } from "./refuse.ts";

/** Name of `--incremental`. */
export const BASE: Kind<string> = {
  name: "NAME",
  form: BASE_NAME,
  example: "nightly",
  validator: t.makeValidator({
    test: (value, state): value is string =>
      (typeof value === "string" && BASE_NAME.test(value)) ||
      refuse(
        state,
        `${JSON.stringify(value)} is not a name; give up to 64 letters, digits, dots, hyphens and underscores, a letter or digit first`,
      ),
  }),
};
