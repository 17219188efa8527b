import { UsageError } from "../../errors/copy-error.ts";
import {
  DEFAULT_HASHING,
  DIGEST_NAMES,
  type DigestName,
  type Hashing,
} from "../../protocol/digest.ts";
import { wantsLegacy } from "../../process/environment.ts";
import type { Kind } from "./declare.ts";
import { oneOf } from "./one-of.ts";

/** Name of a digest algorithm. */
export const ALGORITHM: Kind<DigestName> = oneOf("ALGORITHM", DIGEST_NAMES, "blake3");

/**
 * Refuses a hash stream that blockcopy 0.0.2 cannot read where it may be the reader.
 *
 * @throws UsageError
 */
export function refuseUnreadable(hashing: Hashing, { extended }: { extended: boolean }): void {
  const own = beyondLegacy(hashing);
  if ((extended || own !== undefined) && wantsLegacy()) {
    throw new UsageError(
      `${extended ? "--extended" : own?.option} cannot be used with BLOCKCOPY_WIRE=0.0.2`,
      "leave one of them out",
    );
  }
  if (own !== undefined && !extended) {
    throw new UsageError(
      `${own.option} is only for the extended stream: blockcopy 0.0.2 only knows ${own.known}`,
      "add --extended if the stage that reads it has this version or a later one",
    );
  }
}

/** Finds the first option that blockcopy 0.0.2 does not know, and what it has instead. */
function beyondLegacy(hashing: Hashing): { option: string; known: string } | undefined {
  const { digest, blockSize } = hashing;
  const legacy = DEFAULT_HASHING;
  if (digest !== legacy.digest) {
    return { option: `--digest ${digest}`, known: legacy.digest };
  }
  return blockSize === legacy.blockSize
    ? undefined
    : { option: `--block-size ${blockSize}`, known: `blocks of ${legacy.blockSize} bytes` };
}
