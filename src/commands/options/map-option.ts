import * as t from "typanion";

import type { Kind } from "./declare.ts";
import { isFileHere } from "./file-name.ts";
import { refuse } from "./refuse.ts";

/** File of this host that the change map is written to. */
export const MAP_FILE: Kind<string> = {
  name: "FILE.svg",
  form: /\.svg$/i,
  isFile: true,
  validator: t.makeValidator({
    test: (value, state): value is string =>
      typeof value === "string" && /[^]\.svg$/i.test(value)
        ? isFileHere(value, state)
        : refuse(state, "the map is an image: give a name that ends with .svg"),
  }),
};
