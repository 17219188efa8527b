import { type FrameStart, printable } from "./bytes.ts";
import { faulty } from "./description.ts";
import { type DigestName, knownDigest } from "./digest.ts";
import { decodeText } from "./fields.ts";

/** Most characters of a name that a message shows. */
const MAX_NAME_LENGTH = 32;

/**
 * Decodes the name of a digest algorithm.
 * @throws ProtocolError `unsupported` if it is unknown
 */
export function decodeDigest(value: Uint8Array, start: FrameStart): DigestName {
  const text = decodeText(value);
  const digest = knownDigest(text);
  if (digest === undefined)
    throw faulty(
      "unsupported",
      start,
      `the digest \`${printable(text.slice(0, MAX_NAME_LENGTH))}\` is unknown here`,
    );
  return digest;
}
