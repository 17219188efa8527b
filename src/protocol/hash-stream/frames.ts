import {
  COMMAND_LENGTH,
  LOCATION_LENGTH,
  assertWhole,
  readLocation,
  readLength,
  readPosition,
  unknownCommand,
  viewOf,
  writeCommand,
  writeLocation,
  type FrameStart,
} from "../bytes.ts";
import { DEFAULT_DIGEST, DIGEST_LENGTHS, type DigestName } from "../digest.ts";
import { MAX_FRAME_LENGTH, MAX_POSITION } from "../limits.ts";

/** One frame of the hash stream, which checksum writes and retrieve reads. */
export type HashFrame = {
  /** Bytes from the start of the stream to the frame. */
  streamOffset: number;
} & (
  | {
      kind: "hash";
      /** Where the block begins; undefined in the deprecated `hash` frame: where the source was last read to. */
      position: number | undefined;
      /** Bytes in the block, 1 to `MAX_FRAME_LENGTH`. */
      length: number;
      /** The block's digest: a view into the decoded bytes, to be used before they are overwritten. */
      digest: Uint8Array;
    }
  | {
      kind: "rest";
      /** All of the source from here on is to be sent. */
      offset: number;
    }
);

/** Where in a `Hash` and in a deprecated `hash` frame the digest begins. */
const DIGEST_AT = COMMAND_LENGTH + LOCATION_LENGTH;
const DEPRECATED_DIGEST_AT = COMMAND_LENGTH + 4;
const REST_LENGTH = COMMAND_LENGTH + 8;

/**
 * `Hash` frames of the consecutive blocks that cover `length` bytes from
 * `position` on, the last one short when `length` is no multiple of `blockSize`.
 * @param digests digest of each block by the algorithm `digest`, one after the other
 * @returns all frames in one buffer
 * @throws RangeError when an argument is out of bounds or `digests` has not
 *   one digest for each block
 */
export function encodeHashFrames(
  position: number,
  length: number,
  blockSize: number,
  digests: Uint8Array,
  digest: DigestName = DEFAULT_DIGEST,
): Uint8Array {
  assertWhole("position", position, 0, MAX_POSITION);
  assertWhole("length", length, 0, MAX_POSITION - position);
  assertWhole("block size", blockSize, 1, MAX_FRAME_LENGTH);
  const count = Math.ceil(length / blockSize);
  const digestLength = DIGEST_LENGTHS[digest];
  if (digests.length !== count * digestLength)
    throw new RangeError(`${digests.length} bytes of digests for ${count} blocks`);
  const frames = new Uint8Array(count * (DIGEST_AT + digestLength));
  const view = viewOf(frames);
  for (let block = 0; block < count; block++) {
    const at = block * (DIGEST_AT + digestLength);
    const begin = block * blockSize;
    writeCommand(view, at, "Hash");
    writeLocation(view, at + COMMAND_LENGTH, position + begin, Math.min(blockSize, length - begin));
    frames.set(digests.subarray(block * digestLength, (block + 1) * digestLength), at + DIGEST_AT);
  }
  return frames;
}

/**
 * The `rest` frame: send everything from `offset` on.
 * @throws RangeError when `offset` is no position
 */
export function encodeRest(offset: number): Uint8Array {
  assertWhole("offset", offset, 0, MAX_POSITION);
  const frame = new Uint8Array(REST_LENGTH);
  const view = viewOf(frame);
  writeCommand(view, 0, "rest");
  view.setBigUint64(COMMAND_LENGTH, BigInt(offset));
  return frame;
}

/** The `done` frame, the last one of the hash stream and of the block stream. */
export function encodeDone(): Uint8Array {
  const frame = new Uint8Array(COMMAND_LENGTH);
  writeCommand(viewOf(frame), 0, "done");
  return frame;
}

/**
 * Bytes in a whole frame with a digest or an offset.
 * @throws ProtocolError for every other command
 */
export function hashFrameLength(start: FrameStart, digest: DigestName): number {
  switch (start.command) {
    case "Hash":
      return DIGEST_AT + DIGEST_LENGTHS[digest];
    case "hash":
      return DEPRECATED_DIGEST_AT + DIGEST_LENGTHS[digest];
    case "rest":
      return REST_LENGTH;
    default:
      throw unknownCommand(start);
  }
}

/**
 * The frame that `bytes` are, or undefined when they are not the whole of it.
 * @throws ProtocolError as soon as the bytes that show a fault are there
 */
export function decodeHashFrame(
  bytes: Uint8Array,
  whole: boolean,
  start: FrameStart,
): HashFrame | undefined {
  const view = viewOf(bytes);
  const streamOffset = start.offset;
  if (start.command === "rest") {
    if (!whole) return undefined;
    return { streamOffset, kind: "rest", offset: readPosition(view, COMMAND_LENGTH, start) };
  }
  const positioned = start.command === "Hash";
  const digestAt = positioned ? DIGEST_AT : DEPRECATED_DIGEST_AT;
  if (bytes.length < digestAt) return undefined;
  // Before the digest is there: a stream that is not ours must not keep us waiting for the rest of it.
  const { position, length } = positioned
    ? readLocation(view, COMMAND_LENGTH, start)
    : { position: undefined, length: readLength(view, COMMAND_LENGTH, start) };
  if (!whole) return undefined;
  return { streamOffset, kind: "hash", position, length, digest: bytes.subarray(digestAt) };
}
