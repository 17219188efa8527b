import { crc32 } from "node:zlib";

import {
  COMMAND_LENGTH,
  type Command,
  type FrameStart,
  viewOf,
  whereabouts,
  writeCommand,
} from "./bytes.ts";
import { ProtocolError, type ProtocolErrorCode } from "./error.ts";
import { decodeFields, encodeFields, type Field, REQUIRED } from "./fields.ts";

/** Bytes of a frame that describes something, up to the end of its length. */
export const DESCRIPTION_HEADER_LENGTH = COMMAND_LENGTH + 4;

/** Most bytes of such a frame: with `done` before it, few enough for a pipe to take at once (PIPE_BUF). */
const MAX_DESCRIPTION_LENGTH = 4096 - COMMAND_LENGTH;

/** Readers of one major version read every minor version of it. */
const VERSION = { major: 1, minor: 0 };
const VERSION_LENGTH = 2;

/** Bytes of a CRC-32. */
export const CRC_LENGTH = 4;

/**
 * Puts the value of one field where it belongs.
 * @returns false when it is not what the field may say
 */
export type TakeValue = (value: Uint8Array) => boolean;

/** A frame that describes something: its length, version, fields and CRC-32 (see docs/protocol.md). */
export function encodeDescription(command: Command, fields: Iterable<Field>): Uint8Array {
  const encoded = encodeFields([...fields]);
  const length = DESCRIPTION_HEADER_LENGTH + VERSION_LENGTH + encoded.length + CRC_LENGTH;
  if (length > MAX_DESCRIPTION_LENGTH)
    throw new RangeError(`${length} bytes in a \`${command}\` frame`);
  const frame = new Uint8Array(length);
  const view = viewOf(frame);
  writeCommand(view, 0, command);
  view.setUint32(COMMAND_LENGTH, length - DESCRIPTION_HEADER_LENGTH);
  view.setUint8(DESCRIPTION_HEADER_LENGTH, VERSION.major);
  view.setUint8(DESCRIPTION_HEADER_LENGTH + 1, VERSION.minor);
  frame.set(encoded, DESCRIPTION_HEADER_LENGTH + VERSION_LENGTH);
  writeCrc(frame, length - CRC_LENGTH);
  return frame;
}

/** Writes the CRC-32 of the first `at` bytes of a frame behind them. */
export function writeCrc(frame: Uint8Array, at: number): void {
  viewOf(frame).setUint32(at, crc32(frame.subarray(0, at)));
}

/** Whether the CRC-32 behind the first `at` bytes of a frame is theirs. */
export function hasCrc(frame: Uint8Array, at: number): boolean {
  return viewOf(frame).getUint32(at) === crc32(frame.subarray(0, at));
}

/**
 * Bytes in the whole frame that `bytes` begin with, as far as that is known: those of its header while that is incomplete.
 * @param code the error's, when they are more than such a frame may have, or too few
 * @throws ProtocolError
 */
export function descriptionLength(
  bytes: Uint8Array,
  start: FrameStart,
  code: ProtocolErrorCode,
): number {
  if (bytes.length < DESCRIPTION_HEADER_LENGTH) return DESCRIPTION_HEADER_LENGTH;
  const length = viewOf(bytes).getUint32(COMMAND_LENGTH);
  const least = VERSION_LENGTH + CRC_LENGTH;
  const most = MAX_DESCRIPTION_LENGTH - DESCRIPTION_HEADER_LENGTH;
  if (length < least || length > most)
    throw faulty(
      code,
      start,
      `Length ${length} in a \`${start.command}\` frame is not from ${least} to ${most}`,
    );
  return DESCRIPTION_HEADER_LENGTH + length;
}

/**
 * Reads a whole frame. Fields that are not in `known` are skipped, unless they are required.
 * @param known what becomes of each field, by its tag
 * @param code the error's, when the frame is damaged
 * @returns its version, as `1.0`
 * @throws ProtocolError; `unsupported` when it is of another major version, or says what this reader does not know and must
 */
export function decodeDescription(
  frame: Uint8Array,
  start: FrameStart,
  code: ProtocolErrorCode,
  known: ReadonlyMap<number, TakeValue>,
): string {
  const name = `\`${start.command}\` frame`;
  const crcAt = frame.length - CRC_LENGTH;
  if (!hasCrc(frame, crcAt)) throw faulty(code, start, `The checksum of the ${name} is wrong`);
  const [major = 0, minor = 0] = frame.subarray(DESCRIPTION_HEADER_LENGTH);
  if (major !== VERSION.major)
    throw faulty(
      "unsupported",
      start,
      `The ${name} is of version ${major}.${minor}, not ${VERSION.major}`,
    );
  const seen = new Set<number>();
  for (const field of decodeFields(
    frame.subarray(DESCRIPTION_HEADER_LENGTH + VERSION_LENGTH, crcAt),
  )) {
    if (field === undefined)
      throw faulty(code, start, `A field of the ${name} reaches beyond its end`);
    const number = field.tag & ~REQUIRED;
    const take = known.get(field.tag);
    if (take === undefined) {
      if (field.tag & REQUIRED)
        throw faulty(
          "unsupported",
          start,
          `The ${name} needs field ${number}, which is unknown here`,
        );
      continue;
    }
    if (seen.has(field.tag)) throw faulty(code, start, `The ${name} has field ${number} twice`);
    seen.add(field.tag);
    if (!take(field.value))
      throw faulty(code, start, `Field ${number} of the ${name} is out of bounds`);
  }
  return `${major}.${minor}`;
}

/** An error about a frame, which says where it is. */
export function faulty(code: ProtocolErrorCode, start: FrameStart, what: string): ProtocolError {
  return new ProtocolError(code, start.offset, `${what}, ${whereabouts(start)}`);
}
