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
  whereabouts,
  writeCommand,
  writeExtent,
  type FrameStart,
} from "./bytes.ts";
import { DEFAULT_DIGEST, DIGEST_LENGTHS, type DigestName } from "./digest.ts";
import { ProtocolError } from "./error.ts";
import { decodeHello, HELLO_HEADER_LENGTH, helloLength } from "./hello.ts";
import { MAX_FRAME_LENGTH, MAX_POSITION } from "./limits.ts";
import { streamEnded } from "./stream-end.ts";

/** One frame of the hash stream, which checksum writes and retrieve reads. */
export type HashFrame =
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
    };

/** What `decodeHashFrames` found. */
export interface DecodedHashFrames {
  /** The complete frames, in order. */
  frames: HashFrame[];
  /** Bytes that they take, with those of `done`. */
  consumed: number;
  /** Whether the stream is complete. */
  done: boolean;
  /** The algorithm of the digests, which a hello at the beginning names; to be passed on with the bytes that follow. */
  digest: DigestName;
}

/** Where in a `Hash` and in a deprecated `hash` frame the digest begins. */
const DIGEST_AT = COMMAND_LENGTH + EXTENT_LENGTH;
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
    writeExtent(view, at + COMMAND_LENGTH, position + begin, Math.min(blockSize, length - begin));
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
 * Decodes the complete frames at the start of `bytes`, up to `done`; what
 * follows `done` is not looked at. A partial frame is left unconsumed, to be
 * passed again with more bytes behind it.
 * @param streamOffset bytes from the start of the stream to `bytes`
 * @param digest the algorithm of the digests, as what was decoded before `bytes` left it
 * @throws ProtocolError as soon as the bytes that show a fault are there; the
 *   good frames before it in `bytes` are lost
 */
export function decodeHashFrames(
  bytes: Uint8Array,
  streamOffset: number,
  digest: DigestName = DEFAULT_DIGEST,
): DecodedHashFrames {
  const view = viewOf(bytes);
  const frames: HashFrame[] = [];
  let at = 0;
  let current = digest;
  while (bytes.length - at >= COMMAND_LENGTH) {
    const start: FrameStart = {
      stream: "hash",
      command: readCommand(view, at),
      offset: streamOffset + at,
    };
    if (start.command === "done")
      return { frames, consumed: at + COMMAND_LENGTH, done: true, digest: current };
    const frameLength = lengthOf(bytes.subarray(at), start, current);
    const whole = bytes.length - at >= frameLength;
    if (start.command === "helo") {
      if (!whole || frameLength === HELLO_HEADER_LENGTH) break;
      current = decodeHello(bytes.subarray(at, at + frameLength), start).digest;
    } else {
      const frame = decodeFrame(bytes.subarray(at, at + frameLength), whole, start);
      if (frame === undefined) break;
      frames.push(frame);
    }
    at += frameLength;
  }
  return { frames, consumed: at, done: false, digest: current };
}

/**
 * The error for a hash stream that ended without `done`.
 * @param rest what `decodeHashFrames` left unconsumed
 * @param streamOffset bytes from the start of the stream to `rest`
 * @param digest the algorithm of the digests, as `decodeHashFrames` left it
 */
export function hashStreamEnded(
  rest: Uint8Array,
  streamOffset: number,
  digest: DigestName = DEFAULT_DIGEST,
): ProtocolError {
  return streamEnded("hash", rest, streamOffset, (command) => ({
    name: CUT_PARTS[command] ?? "hash",
    needed: lengthOf(rest, { stream: "hash", command, offset: streamOffset }, digest),
  }));
}

/** What the part of a frame behind its command is called, where that is not `hash`. */
const CUT_PARTS: Readonly<Record<string, string>> = { rest: "offset", helo: "hello" };

/** Bytes in the whole frame that `bytes` begins with, as far as that is known yet. */
function lengthOf(bytes: Uint8Array, start: FrameStart, digest: DigestName): number {
  switch (start.command) {
    case "Hash":
      return DIGEST_AT + DIGEST_LENGTHS[digest];
    case "hash":
      return DEPRECATED_DIGEST_AT + DIGEST_LENGTHS[digest];
    case "rest":
      return REST_LENGTH;
    case "helo":
      if (start.offset !== 0)
        throw new ProtocolError(
          "bad-hello",
          start.offset,
          `A \`helo\` frame not at the beginning, ${whereabouts(start)}`,
        );
      return bytes.length < HELLO_HEADER_LENGTH
        ? HELLO_HEADER_LENGTH
        : helloLength(viewOf(bytes), start);
    default:
      throw unknownCommand(start);
  }
}

/** The frame that `bytes` are, or undefined when they are not the whole of it. */
function decodeFrame(bytes: Uint8Array, whole: boolean, start: FrameStart): HashFrame | undefined {
  const view = viewOf(bytes);
  if (start.command === "rest") {
    if (!whole) return undefined;
    return { kind: "rest", offset: readPosition(view, COMMAND_LENGTH, start) };
  }
  const positioned = start.command === "Hash";
  const digestAt = positioned ? DIGEST_AT : DEPRECATED_DIGEST_AT;
  if (bytes.length < digestAt) return undefined;
  // Before the digest is there: a stream that is not ours must not keep us waiting for the rest of it.
  const { position, length } = positioned
    ? readExtent(view, COMMAND_LENGTH, start)
    : { position: undefined, length: readLength(view, COMMAND_LENGTH, start) };
  if (!whole) return undefined;
  return { kind: "hash", position, length, digest: bytes.subarray(digestAt) };
}
