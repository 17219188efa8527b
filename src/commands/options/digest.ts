import { UsageError } from "../../errors/copy-error.ts";
import * as t from "typanion";

import {
  DEFAULT_HASHING,
  DIGEST_NAMES,
  type DigestName,
  type Hashing,
} from "../../protocol/digest.ts";
import { wantsExactWire } from "../../process/environment.ts";
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
 * @throws UsageError
 */
export function refuseUnreadable(hashing: Hashing, extended: boolean): void {
  const own = notOf002(hashing);
  if ((extended || own !== undefined) && wantsExactWire()) {
    throw new UsageError(
      `${extended ? "--extended" : own?.option} is not for BLOCKCOPY_WIRE=0.0.2, which cannot read it`,
      "leave one of them out",
    );
  }
  if (own !== undefined && !extended) {
    throw new UsageError(
      `${own.option} is only for the extended stream: blockcopy 0.0.2 knows ${own.known} alone`,
      "add --extended if the stage that reads it is of this version or later",
    );
  }
}

/** The first option that asks for what blockcopy 0.0.2 has not, and what it has instead. */
function notOf002({ digest, blockSize }: Hashing): { option: string; known: string } | undefined {
  const plain = DEFAULT_HASHING;
  if (digest !== plain.digest) {
    return { option: `--digest ${digest}`, known: plain.digest };
  }
  return blockSize === plain.blockSize
    ? undefined
    : { option: `--block-size ${blockSize}`, known: `blocks of ${plain.blockSize} bytes` };
}
