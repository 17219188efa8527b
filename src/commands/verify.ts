import * as t from "typanion";

import type { Verify } from "../stages/verify.ts";
import { refuse } from "./refuse.ts";

const VERIFY = ["none", "written", "full"] as const;

/** What is to be read back. */
export const isVerify: t.StrictValidator<unknown, Verify> = t.makeValidator({
  test: (value, state): value is Verify =>
    VERIFY.some((name) => name === value) ||
    refuse(state, `${JSON.stringify(value)} is not none, written or full`),
});
