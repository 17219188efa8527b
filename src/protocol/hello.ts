import {
  COMMAND_LENGTH,
  printable,
  viewOf,
  whereabouts,
  writeCommand,
  type FrameStart,
} from "./bytes.ts";
import { DIGEST_NAMES, type DigestName } from "./digest.ts";
import { ProtocolError } from "./error.ts";
import { decodeFields, decodeText, encodeFields, encodeText, REQUIRED } from "./fields.ts";

/** What an extended hash stream says of itself before its first frame. */
export interface Hello {
  /** The algorithm of the digests that follow. */
  digest: DigestName;
}

/** Bytes of a `helo` frame up to the end of its length. */
export const HELLO_HEADER_LENGTH = COMMAND_LENGTH + 4;

/** Most bytes that a `helo` frame may have behind its length: much more than it will ever need. */
const MAX_BODY_LENGTH = 4096;

/** Most characters of a name that a message shows. */
const MAX_NAME_LENGTH = 32;

/** Readers of one major version read every minor version of it. */
const VERSION = { major: 1, minor: 0 };
const VERSION_LENGTH = 2;

/** The tags. */
const TAG = { digest: REQUIRED | 1 };

/** A `helo` frame. */
export function encodeHello({ digest }: Hello): Uint8Array {
  const fields = encodeFields([{ tag: TAG.digest, value: encodeText(digest) }]);
  const frame = new Uint8Array(HELLO_HEADER_LENGTH + VERSION_LENGTH + fields.length);
  const view = viewOf(frame);
  writeCommand(view, 0, "helo");
  view.setUint32(COMMAND_LENGTH, VERSION_LENGTH + fields.length);
  view.setUint8(HELLO_HEADER_LENGTH, VERSION.major);
  view.setUint8(HELLO_HEADER_LENGTH + 1, VERSION.minor);
  frame.set(fields, HELLO_HEADER_LENGTH + VERSION_LENGTH);
  return frame;
}

/**
 * Bytes in the whole frame, of which `view` shows at least `HELLO_HEADER_LENGTH`.
 * @throws ProtocolError `bad-hello` when they are more than a hello may have, or too few
 */
export function helloLength(view: DataView, start: FrameStart): number {
  const length = view.getUint32(COMMAND_LENGTH);
  if (length < VERSION_LENGTH || length > MAX_BODY_LENGTH)
    throw badHello(
      start,
      `Length ${length} in a \`helo\` frame is not from ${VERSION_LENGTH} to ${MAX_BODY_LENGTH}`,
    );
  return HELLO_HEADER_LENGTH + length;
}

/**
 * What a whole `helo` frame says. Fields that this reader does not know are skipped, unless they are required.
 * @throws ProtocolError `unsupported` when it is of another major version, or says what this reader does not know and
 *   must; `bad-hello` when it is not a hello at all
 */
export function decodeHello(frame: Uint8Array, start: FrameStart): Hello {
  const view = viewOf(frame);
  const major = view.getUint8(HELLO_HEADER_LENGTH);
  const minor = view.getUint8(HELLO_HEADER_LENGTH + 1);
  if (major !== VERSION.major)
    throw unsupported(start, `The stream is of version ${major}.${minor}, not ${VERSION.major}`);
  let digest: DigestName | undefined;
  const body = frame.subarray(HELLO_HEADER_LENGTH + VERSION_LENGTH);
  for (const { tag, value } of decodeFields(body, start, badHello)) {
    if (tag === TAG.digest) {
      if (digest !== undefined) throw badHello(start, "A `helo` frame names two digests");
      digest = knownDigest(value, start);
    } else if (tag & REQUIRED)
      throw unsupported(start, `The stream needs field ${tag & ~REQUIRED}, which is unknown here`);
  }
  if (digest === undefined) throw badHello(start, "A `helo` frame names no digest");
  return { digest };
}

function knownDigest(value: Uint8Array, start: FrameStart): DigestName {
  const name = decodeText(value);
  const digest = DIGEST_NAMES.find((known) => known === name);
  if (digest === undefined)
    throw unsupported(
      start,
      `The digest \`${printable(name.slice(0, MAX_NAME_LENGTH))}\` is unknown here`,
    );
  return digest;
}

function badHello(start: FrameStart, what: string): ProtocolError {
  return new ProtocolError("bad-hello", start.offset, `${what}, ${whereabouts(start)}`);
}

function unsupported(start: FrameStart, what: string): ProtocolError {
  return new ProtocolError("unsupported", start.offset, `${what}, ${whereabouts(start)}`);
}
