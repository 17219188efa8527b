import {
  COMMAND_LENGTH,
  EXTENT_LENGTH,
  assertWhole,
  readCommand,
  readExtent,
  readLength,
  readPosition,
  unknownCommand,
  viewOf,
  writeCommand,
  writeExtent,
  type FrameStart,
} from "./bytes.ts";
import type { ProtocolError } from "./error.ts";
import { DIGEST_LENGTH, MAX_FRAME_LENGTH, MAX_POSITION } from "./limits.ts";
import { streamEnded } from "./stream-end.ts";

/** One frame of the hash stream, which checksum writes and retrieve reads. */
export type HashFrame =
  | {
      kind: "hash";
      /** Where the block begins; undefined in the deprecated `hash` frame: where the source was last read to. */
      position: number | undefined;
      /** Bytes in the block, 1 to `MAX_FRAME_LENGTH`. */
      length: number;
      /** SHA3-512 of the block: a view into the decoded bytes, to be used before they are overwritten. */
      digest: Uint8Array;
    }
  | {
      kind: "rest";
      /** All of the source from here on is to be sent. */
      offset: number;
    };

/** What `decodeHashFrames` found. */
export interface DecodedHashFrames {
  /** The complete frames, in order. */
  frames: HashFrame[];
  /** Bytes that they take, with those of `done`. */
  consumed: number;
  /** Whether the stream is complete. */
  done: boolean;
}

const HASH_LENGTH = COMMAND_LENGTH + EXTENT_LENGTH + DIGEST_LENGTH;
const DEPRECATED_HASH_LENGTH = COMMAND_LENGTH + 4 + DIGEST_LENGTH;
const REST_LENGTH = COMMAND_LENGTH + 8;

/**
 * `Hash` frames of the consecutive blocks that cover `length` bytes from
 * `position` on, the last one short when `length` is no multiple of `blockSize`.
 * @param digests SHA3-512 of each block, one after the other
 * @returns all frames in one buffer
 * @throws RangeError when an argument is out of bounds or `digests` has not
 *   one digest for each block
 */
export function encodeHashFrames(
  position: number,
  length: number,
  blockSize: number,
  digests: Uint8Array,
): Uint8Array {
  assertWhole("position", position, 0, MAX_POSITION);
  assertWhole("length", length, 0, MAX_POSITION - position);
  assertWhole("block size", blockSize, 1, MAX_FRAME_LENGTH);
  const count = Math.ceil(length / blockSize);
  if (digests.length !== count * DIGEST_LENGTH)
    throw new RangeError(`${digests.length} bytes of digests for ${count} blocks`);
  const frames = new Uint8Array(count * HASH_LENGTH);
  const view = viewOf(frames);
  for (let block = 0; block < count; block++) {
    const at = block * HASH_LENGTH;
    const begin = block * blockSize;
    writeCommand(view, at, "Hash");
    writeExtent(view, at + COMMAND_LENGTH, position + begin, Math.min(blockSize, length - begin));
    frames.set(
      digests.subarray(block * DIGEST_LENGTH, (block + 1) * DIGEST_LENGTH),
      at + COMMAND_LENGTH + EXTENT_LENGTH,
    );
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
 * Decodes the complete frames at the start of `bytes`, up to `done`; what
 * follows `done` is not looked at. A partial frame is left unconsumed, to be
 * passed again with more bytes behind it.
 * @param streamOffset bytes from the start of the stream to `bytes`, for errors
 * @throws ProtocolError as soon as the bytes that show a fault are there; the
 *   good frames before it in `bytes` are lost
 */
export function decodeHashFrames(bytes: Uint8Array, streamOffset: number): DecodedHashFrames {
  const view = viewOf(bytes);
  const frames: HashFrame[] = [];
  let at = 0;
  while (bytes.length - at >= COMMAND_LENGTH) {
    const start: FrameStart = {
      stream: "hash",
      command: readCommand(view, at),
      offset: streamOffset + at,
    };
    if (start.command === "done") return { frames, consumed: at + COMMAND_LENGTH, done: true };
    const frameLength = lengthOf(start);
    const frame = decodeFrame(bytes.subarray(at, at + frameLength), start);
    if (frame === undefined) break;
    frames.push(frame);
    at += frameLength;
  }
  return { frames, consumed: at, done: false };
}

/**
 * The error for a hash stream that ended without `done`.
 * @param rest what `decodeHashFrames` left unconsumed
 * @param streamOffset bytes from the start of the stream to `rest`
 */
export function hashStreamEnded(rest: Uint8Array, streamOffset: number): ProtocolError {
  return streamEnded("hash", rest, streamOffset, (command) => ({
    name: command === "rest" ? "offset" : "hash",
    needed: lengthOf({ stream: "hash", command, offset: streamOffset }),
  }));
}

/** Bytes in the whole frame that begins with this command. */
function lengthOf(start: FrameStart): number {
  switch (start.command) {
    case "Hash":
      return HASH_LENGTH;
    case "hash":
      return DEPRECATED_HASH_LENGTH;
    case "rest":
      return REST_LENGTH;
    default:
      throw unknownCommand(start);
  }
}

/** The frame at the start of `bytes`, or undefined when part of it is missing. */
function decodeFrame(bytes: Uint8Array, start: FrameStart): HashFrame | undefined {
  const view = viewOf(bytes);
  if (start.command === "rest") {
    if (bytes.length < REST_LENGTH) return undefined;
    return { kind: "rest", offset: readPosition(view, COMMAND_LENGTH, start) };
  }
  const positioned = start.command === "Hash";
  const numbersEnd = COMMAND_LENGTH + (positioned ? EXTENT_LENGTH : 4);
  if (bytes.length < numbersEnd) return undefined;
  // Before the digest is there: a stream that is not ours must not keep us waiting for 64 bytes more.
  const { position, length } = positioned
    ? readExtent(view, COMMAND_LENGTH, start)
    : { position: undefined, length: readLength(view, COMMAND_LENGTH, start) };
  const frameEnd = numbersEnd + DIGEST_LENGTH;
  if (bytes.length < frameEnd) return undefined;
  return {
    kind: "hash",
    position,
    length,
    digest: bytes.subarray(numbersEnd, frameEnd),
  };
}
