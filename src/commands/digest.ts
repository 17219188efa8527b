import * as t from "typanion";

import { DEFAULT_DIGEST, DIGEST_NAMES, type DigestName } from "../protocol/digest.ts";
import { OptionError } from "../stages/context.ts";
import { wantsExactWire } from "./environment.ts";
import { refuse } from "./refuse.ts";

/** The name of a digest algorithm. */
export const isDigest: t.StrictValidator<unknown, DigestName> = t.makeValidator({
  test: (value, state): value is DigestName =>
    DIGEST_NAMES.some((name) => name === value) ||
    refuse(
      state,
      `${JSON.stringify(value)} is not a digest that blockcopy knows; give ${DIGEST_NAMES.join(" or ")}`,
    ),
});

/**
 * Refuses a hash stream that those who are to read it could not.
 *
 * @throws OptionError
 */
export function refuseUnreadable(digest: DigestName, extended: boolean): void {
  if ((extended || digest !== DEFAULT_DIGEST) && wantsExactWire()) {
    throw new OptionError(
      `${extended ? "--extended" : `--digest ${digest}`} is not for BLOCKCOPY_WIRE=0.0.2, which cannot read it`,
      "leave one of them out",
    );
  }
  if (digest !== DEFAULT_DIGEST && !extended) {
    throw new OptionError(
      `--digest ${digest} is only for the extended stream: blockcopy 0.0.2 knows ${DEFAULT_DIGEST} alone`,
      "add --extended if the stage that reads it is of this version or later",
    );
  }
}
