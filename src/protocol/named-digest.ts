import { type FrameStart, printable } from "./bytes.ts";
import { faulty } from "./description.ts";
import { type DigestName, knownDigest } from "./digest.ts";
import { decodeText } from "./fields.ts";

/** Most characters of a name that a message shows. */
const MAX_NAME_LENGTH = 32;

/**
 * The digest algorithm that the value of a field names, by which the rest of the stream is to be read.
 * @throws ProtocolError `unsupported` when it is unknown here
 */
export function decodeDigest(value: Uint8Array, start: FrameStart): DigestName {
  const text = decodeText(value);
  const digest = knownDigest(text);
  if (digest === undefined)
    throw faulty(
      "unsupported",
      start,
      `The digest \`${printable(text.slice(0, MAX_NAME_LENGTH))}\` is unknown here`,
    );
  return digest;
}
