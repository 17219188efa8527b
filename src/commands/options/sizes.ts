import type { Sizes } from "../../blocks/destination-sizes.ts";
import type { Kind } from "./declare.ts";
import { oneOf } from "./one-of.ts";

/** Sizes of a destination that a stage accepts, next to that of its source. */
export const SIZES: Kind<Sizes> = oneOf("SIZES", ["same", "new", "larger", "any"]);
