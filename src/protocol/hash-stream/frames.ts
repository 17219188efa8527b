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
      /** Offset of the block; undefined in the deprecated `hash` frame: the block follows the one before. */
      position: number | undefined;
      /** Bytes in the block, 1 to `MAX_FRAME_LENGTH`. */
      length: number;
      /** Digest of the block: a view into the decoded bytes, valid until they are overwritten. */
      digest: Uint8Array;
    }
  | {
      kind: "rest";
      /** Asks for all of the source from this offset on. */
      offset: number;
    }
  | {
      kind: "mark";
      /** Everything before this offset has been asked for: the answer gets a mark too. */
      offset: number;
    }
);

/** Offset of the digest in a `Hash` frame, and in the deprecated `hash` frame. */
const DIGEST_AT = COMMAND_LENGTH + LOCATION_LENGTH;
const DEPRECATED_DIGEST_AT = COMMAND_LENGTH + 4;
/** Bytes in a frame with nothing but an offset: `rest` and `mark`. */
const OFFSET_LENGTH = COMMAND_LENGTH + 8;

/**
 * Encodes the `Hash` frames of consecutive blocks that cover `length` bytes from `position` on. The last block is short if
 * `length` is not a multiple of `blockSize`.
 * @param digests the digest of each block by the algorithm `digest`, one after another
 * @returns all frames in one buffer
 * @throws RangeError if an argument is out of bounds, or `digests` does not hold one digest per block
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
 * Encodes the `rest` frame, which asks for everything from `offset` on.
 * @throws RangeError if `offset` is out of bounds
 */
export function encodeRest(offset: number): Uint8Array {
  return encodeOffset("rest", offset);
}

/**
 * Encodes the `mark` frame, which asks for a `mark` in the answer once everything before `offset` has been answered.
 * @throws RangeError if `offset` is out of bounds
 */
export function encodeMark(offset: number): Uint8Array {
  return encodeOffset("mark", offset);
}

function encodeOffset(command: "rest" | "mark", offset: number): Uint8Array {
  assertWhole("offset", offset, 0, MAX_POSITION);
  const frame = new Uint8Array(OFFSET_LENGTH);
  const view = viewOf(frame);
  writeCommand(view, 0, command);
  view.setBigUint64(COMMAND_LENGTH, BigInt(offset));
  return frame;
}

/** Encodes the `done` frame, the last one of both streams. */
export function encodeDone(): Uint8Array {
  const frame = new Uint8Array(COMMAND_LENGTH);
  writeCommand(viewOf(frame), 0, "done");
  return frame;
}

/**
 * Returns the length of a whole frame with a digest or an offset.
 * @throws ProtocolError for every other command
 */
export function hashFrameLength(start: FrameStart, digest: DigestName): number {
  switch (start.command) {
    case "Hash":
      return DIGEST_AT + DIGEST_LENGTHS[digest];
    case "hash":
      return DEPRECATED_DIGEST_AT + DIGEST_LENGTHS[digest];
    case "rest":
    case "mark":
      return OFFSET_LENGTH;
    default:
      throw unknownCommand(start);
  }
}

/**
 * Decodes a frame. Returns undefined if it is not `whole`.
 * @throws ProtocolError as soon as a fault is visible
 */
export function decodeHashFrame(
  bytes: Uint8Array,
  start: FrameStart,
  { whole }: { whole: boolean },
): HashFrame | undefined {
  const view = viewOf(bytes);
  const streamOffset = start.offset;
  if (start.command === "rest" || start.command === "mark") {
    if (!whole) return undefined;
    const offset = readPosition(view, COMMAND_LENGTH, start);
    return { streamOffset, kind: start.command, offset };
  }
  const positioned = start.command === "Hash";
  const digestAt = positioned ? DIGEST_AT : DEPRECATED_DIGEST_AT;
  if (bytes.length < digestAt) return undefined;
  // Check before the digest arrives: a foreign stream must not make us wait for the rest of the frame.
  const { position, length } = positioned
    ? readLocation(view, COMMAND_LENGTH, start)
    : { position: undefined, length: readLength(view, COMMAND_LENGTH, start) };
  if (!whole) return undefined;
  return { streamOffset, kind: "hash", position, length, digest: bytes.subarray(digestAt) };
}

/** The letters of `Hash` as a number. */
const HASH = 0x48_61_73_68;

/** The most in the upper half of an offset. */
const MAX_UPPER = Math.floor(MAX_POSITION / 2 ** 32);

/**
 * Decodes a whole `Hash` frame at `at`, without a view or an object for each of its parts. Returns undefined for everything else, also for a
 * faulty frame: `decodeHashFrame` says what is wrong with it.
 */
export function decodeWholeHash(
  bytes: Uint8Array,
  at: number,
  {
    view,
    streamOffset,
    digest,
  }: {
    /** A view of all `bytes`. */
    view: DataView;
    /** Bytes from the start of the stream to `bytes`. */
    streamOffset: number;
    digest: DigestName;
  },
): (HashFrame & { kind: "hash"; position: number }) | undefined {
  const end = at + DIGEST_AT + DIGEST_LENGTHS[digest];
  if (end > bytes.length || view.getUint32(at) !== HASH) return undefined;
  const upper = view.getUint32(at + COMMAND_LENGTH);
  const position = upper * 2 ** 32 + view.getUint32(at + COMMAND_LENGTH + 4);
  const length = view.getUint32(at + COMMAND_LENGTH + 8);
  const isFaulty =
    upper > MAX_UPPER ||
    length === 0 ||
    length > MAX_FRAME_LENGTH ||
    position + length > MAX_POSITION;
  if (isFaulty) return undefined;
  return {
    streamOffset: streamOffset + at,
    kind: "hash",
    position,
    length,
    digest: bytes.subarray(at + DIGEST_AT, end),
  };
}
