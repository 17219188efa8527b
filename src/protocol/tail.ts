import { crc32 } from "node:zlib";

import { COMMAND_LENGTH, readCommand, viewOf, whereabouts, writeCommand } from "./bytes.ts";
import { ProtocolError } from "./error.ts";
import { decodeFields, encodeFields, REQUIRED } from "./fields.ts";
import { fieldsOf, type Tail, take } from "./tail-fields.ts";

/** Bytes of a `tail` frame up to the end of its length. */
const TAIL_HEADER_LENGTH = COMMAND_LENGTH + 4;

/** Most bytes of a whole `tail` frame: with `done` before it, few enough for a pipe to take at once (PIPE_BUF). */
const MAX_TAIL_LENGTH = 4096 - COMMAND_LENGTH;

/** Readers of one major version read every minor version of it. */
const VERSION = { major: 1, minor: 0 };
const VERSION_LENGTH = 2;
const CRC_LENGTH = 4;

/** A `tail` frame. */
export function encodeTail(tail: Tail): Uint8Array {
  const fields = encodeFields([...fieldsOf(tail)]);
  const bodyLength = VERSION_LENGTH + fields.length + CRC_LENGTH;
  const frame = new Uint8Array(TAIL_HEADER_LENGTH + bodyLength);
  const view = viewOf(frame);
  writeCommand(view, 0, "tail");
  view.setUint32(COMMAND_LENGTH, bodyLength);
  view.setUint8(TAIL_HEADER_LENGTH, VERSION.major);
  view.setUint8(TAIL_HEADER_LENGTH + 1, VERSION.minor);
  frame.set(fields, TAIL_HEADER_LENGTH + VERSION_LENGTH);
  const crcAt = frame.length - CRC_LENGTH;
  view.setUint32(crcAt, crc32(frame.subarray(0, crcAt)));
  return frame;
}

/**
 * Bytes in the whole frame that `bytes` begin with, as far as that is known: those of the header while that is incomplete.
 * @param streamOffset bytes from the start of the stream to `bytes`
 * @throws ProtocolError `bad-tail` when it is no tail, or too long for one
 */
export function tailLength(bytes: Uint8Array, streamOffset: number): number {
  if (bytes.length < TAIL_HEADER_LENGTH) return TAIL_HEADER_LENGTH;
  const view = viewOf(bytes);
  const length = view.getUint32(COMMAND_LENGTH);
  const least = VERSION_LENGTH + CRC_LENGTH;
  const most = MAX_TAIL_LENGTH - TAIL_HEADER_LENGTH;
  if (readCommand(view, 0) !== "tail" || length < least || length > most)
    throw badTail(streamOffset, "What follows `done` is no trailer");
  return TAIL_HEADER_LENGTH + length;
}

/**
 * What a whole `tail` frame says. Fields that this reader does not know are skipped, unless they are required.
 * @param streamOffset bytes from the start of the stream to the frame
 * @throws ProtocolError `bad-tail` when it is damaged; `unsupported` when it is of another major version, or says what
 *   this reader does not know and must
 */
export function decodeTail(frame: Uint8Array, streamOffset: number): Tail {
  const view = viewOf(frame);
  const crcAt = frame.length - CRC_LENGTH;
  if (view.getUint32(crcAt) !== crc32(frame.subarray(0, crcAt)))
    throw badTail(streamOffset, "The checksum of the `tail` frame is wrong");
  const major = view.getUint8(TAIL_HEADER_LENGTH);
  if (major !== VERSION.major)
    throw unsupported(
      streamOffset,
      `The trailer is of version ${major}.${view.getUint8(TAIL_HEADER_LENGTH + 1)}, not ${VERSION.major}`,
    );
  const tail: Tail = {};
  const body = frame.subarray(TAIL_HEADER_LENGTH + VERSION_LENGTH, crcAt);
  const start = startOf(streamOffset);
  for (const field of decodeFields(body, start, (_, what) => badTail(streamOffset, what)))
    if (!take(tail, field))
      throw (field.tag & REQUIRED) === 0
        ? badTail(streamOffset, `Field ${field.tag} of a \`tail\` frame is out of bounds`)
        : unsupported(
            streamOffset,
            `The trailer needs field ${field.tag & ~REQUIRED}, which is unknown here`,
          );
  return tail;
}

/** The error for a stream that ended inside the frame that follows `done`. */
export function tailEnded(rest: Uint8Array, streamOffset: number): ProtocolError {
  const needed = tailLength(rest, streamOffset);
  return new ProtocolError(
    "truncated-frame",
    streamOffset,
    `Incomplete read of trailer from block input stream, at byte ${streamOffset} (${rest.length} of ${needed} bytes)`,
  );
}

function startOf(offset: number): { stream: "block"; command: string; offset: number } {
  return { stream: "block", command: "tail", offset };
}

function badTail(offset: number, what: string): ProtocolError {
  return new ProtocolError("bad-tail", offset, `${what}, ${whereabouts(startOf(offset))}`);
}

function unsupported(offset: number, what: string): ProtocolError {
  return new ProtocolError("unsupported", offset, `${what}, ${whereabouts(startOf(offset))}`);
}
