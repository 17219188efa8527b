import {
  assertWhole,
  COMMAND_LENGTH,
  LOCATION_LENGTH,
  type FrameStart,
  readLocation,
  readPosition,
  viewOf,
  writeCommand,
  writeLocation,
} from "../bytes.ts";
import type { BlockHeader } from "./frames.ts";
import { BLOCK_CODECS, type BlockCodec, codecNumber } from "../codec.ts";
import { CRC_LENGTH, faulty, hasCrc, writeCrc } from "../description.ts";
import { MAX_FRAME_LENGTH, MAX_POSITION } from "../limits.ts";

const PAYLOAD_LENGTH_AT = COMMAND_LENGTH + LOCATION_LENGTH;
const CODEC_AT = PAYLOAD_LENGTH_AT + 4;
const DIGEST_AT = CODEC_AT + 1;

/** Bytes in a `zero` frame. */
const ZERO_LENGTH = COMMAND_LENGTH + LOCATION_LENGTH + CRC_LENGTH;

/** Bytes in a `mark` frame. */
export const MARK_LENGTH = COMMAND_LENGTH + 8 + CRC_LENGTH;

/** The header of a record. */
export interface Record {
  /** Offset of the block in the destination. */
  position: number;
  /** Bytes in the block. */
  block: number;
  codec: BlockCodec;
  /** Bytes in the payload that follows. */
  length: number;
  /** Digest of the block, by the algorithm of the stream. */
  digest: Uint8Array;
}

/**
 * Encodes the header of a `blck` frame.
 * @throws RangeError if a number is out of bounds
 */
export function encodeRecordHeader(record: Record): Uint8Array {
  const { position, block, codec, length, digest } = record;
  assertLocation(position, block);
  assertWhole("payload length", length, 1, block);
  const header = new Uint8Array(recordHeaderLength(digest.length));
  const view = viewOf(header);
  writeCommand(view, 0, "blck");
  writeLocation(view, COMMAND_LENGTH, position, block);
  view.setUint32(PAYLOAD_LENGTH_AT, length);
  view.setUint8(CODEC_AT, codecNumber(codec));
  header.set(digest, DIGEST_AT);
  writeCrc(header, header.length - CRC_LENGTH);
  return header;
}

/**
 * Encodes a `zero` frame, which stands for `length` zeros.
 * @throws RangeError if a number is out of bounds
 */
export function encodeZeros(position: number, length: number): Uint8Array {
  assertLocation(position, length);
  const frame = new Uint8Array(ZERO_LENGTH);
  const view = viewOf(frame);
  writeCommand(view, 0, "zero");
  writeLocation(view, COMMAND_LENGTH, position, length);
  writeCrc(frame, ZERO_LENGTH - CRC_LENGTH);
  return frame;
}

/**
 * Encodes a `mark` frame, which follows the answer to everything before `offset`.
 * @throws RangeError if `offset` is out of bounds
 */
export function encodeMark(offset: number): Uint8Array {
  assertWhole("offset", offset, 0, MAX_POSITION);
  const frame = new Uint8Array(MARK_LENGTH);
  const view = viewOf(frame);
  writeCommand(view, 0, "mark");
  view.setBigUint64(COMMAND_LENGTH, BigInt(offset));
  writeCrc(frame, MARK_LENGTH - CRC_LENGTH);
  return frame;
}

/**
 * Decodes a whole `mark` frame, and returns its offset.
 * @throws ProtocolError `damaged` if its checksum is wrong, `bad-position`
 */
export function decodeMark(frame: Uint8Array, start: FrameStart): number {
  if (!hasCrc(frame, frame.length - CRC_LENGTH))
    throw faulty("damaged", start, "the checksum of a `mark` frame is wrong");
  return readPosition(viewOf(frame), COMMAND_LENGTH, start);
}

/** Returns the length of the header of a `blck` frame. */
function recordHeaderLength(digestLength: number): number {
  return DIGEST_AT + digestLength + CRC_LENGTH;
}

/** Returns the length of the header of a record; undefined if `command` does not begin one. */
export function headerLength(command: string, digestLength: number): number | undefined {
  if (command === "blck") return recordHeaderLength(digestLength);
  return command === "zero" ? ZERO_LENGTH : undefined;
}

/**
 * Decodes the whole header of a `blck` or `zero` frame.
 * @throws ProtocolError `damaged` if its checksum is wrong; `unsupported` for an unknown codec; others for numbers out of
 *   bounds
 */
export function decodeRecordHeader(header: Uint8Array, start: FrameStart): BlockHeader {
  if (!hasCrc(header, header.length - CRC_LENGTH))
    throw faulty("damaged", start, `the checksum of a \`${start.command}\` frame is wrong`);
  const view = viewOf(header);
  const { position, length: block } = readLocation(view, COMMAND_LENGTH, start);
  const common = { position, block, headerLength: header.length, streamOffset: start.offset };
  if (start.command === "zero")
    return { ...common, command: "zero", codec: "zeros", length: 0, digest: undefined };
  const length = view.getUint32(PAYLOAD_LENGTH_AT);
  const number = view.getUint8(CODEC_AT);
  const codec = BLOCK_CODECS[number];
  if (codec === undefined)
    throw faulty("unsupported", start, `codec ${number} of a \`blck\` frame is unknown here`);
  if (length === 0 || length > block || (codec === "raw" && length !== block))
    throw faulty("bad-length", start, `a payload of ${length} bytes for a block of ${block}`);
  const digest = header.subarray(DIGEST_AT, header.length - CRC_LENGTH);
  return { ...common, command: "blck", codec, length, digest };
}

function assertLocation(position: number, length: number): void {
  assertWhole("position", position, 0, MAX_POSITION);
  assertWhole("length", length, 1, Math.min(MAX_FRAME_LENGTH, MAX_POSITION - position));
}
