import {
  COMMAND_LENGTH,
  type Command,
  type FrameStart,
  viewOf,
  whereabouts,
  writeCommand,
} from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import { ProtocolError, type ProtocolErrorCode } from "./error.ts";
import { decodeFields, encodeFields, type Field, REQUIRED } from "./fields.ts";

/** Bytes of a frame with fields, up to the end of its length. */
export const DESCRIPTION_HEADER_LENGTH = COMMAND_LENGTH + 4;

/** Most bytes of a frame with fields. Together with `done` it fits into one atomic write to a pipe (PIPE_BUF). */
const MAX_DESCRIPTION_LENGTH = 4096 - COMMAND_LENGTH;

/** A reader of a major version reads all of its minor versions. */
const VERSION = { major: 1, minor: 0 };
const VERSION_LENGTH = 2;

/** Bytes of a CRC-32. */
export const CRC_LENGTH = 4;

/**
 * Stores the value of a field.
 * @returns false if the value is not allowed
 */
export type TakeValue = (value: Uint8Array) => boolean;

/** Encodes a frame with fields: command, length, version, fields and CRC-32 (see docs/protocol.md). */
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

/** Writes the CRC-32 of the first `at` bytes of a frame after them. */
export function writeCrc(frame: Uint8Array, at: number): void {
  viewOf(frame).setUint32(at, crc32(frame.subarray(0, at)));
}

/** True if the first `at` bytes of a frame are followed by their CRC-32. */
export function hasCrc(frame: Uint8Array, at: number): boolean {
  return viewOf(frame).getUint32(at) === crc32(frame.subarray(0, at));
}

/**
 * Returns the length of the whole frame that `bytes` begin with; while its header is incomplete, that of the header.
 * @param code code of the error if the length is out of bounds
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
      `length ${length} in a \`${start.command}\` frame is not from ${least} to ${most}`,
    );
  return DESCRIPTION_HEADER_LENGTH + length;
}

/**
 * Decodes a whole frame. Skips fields that are not in `known`, unless they are required.
 * @param known stores the value of each field, by its tag
 * @param code code of the error if the frame is damaged
 * @returns its version, as `1.0`
 * @throws ProtocolError; `unsupported` for another major version, or a required field that is not in `known`
 */
export function decodeDescription(
  frame: Uint8Array,
  start: FrameStart,
  code: ProtocolErrorCode,
  known: ReadonlyMap<number, TakeValue>,
): string {
  const name = `\`${start.command}\` frame`;
  const crcAt = frame.length - CRC_LENGTH;
  if (!hasCrc(frame, crcAt)) throw faulty(code, start, `the checksum of the ${name} is wrong`);
  const [major = 0, minor = 0] = frame.subarray(DESCRIPTION_HEADER_LENGTH);
  if (major !== VERSION.major)
    throw faulty(
      "unsupported",
      start,
      `the ${name} is of version ${major}.${minor}, not ${VERSION.major}`,
    );
  const seen = new Set<number>();
  for (const field of decodeFields(
    frame.subarray(DESCRIPTION_HEADER_LENGTH + VERSION_LENGTH, crcAt),
  )) {
    if (field === undefined)
      throw faulty(code, start, `a field of the ${name} reaches beyond its end`);
    const number = field.tag & ~REQUIRED;
    const take = known.get(field.tag);
    if (take === undefined) {
      if (field.tag & REQUIRED)
        throw faulty(
          "unsupported",
          start,
          `the ${name} needs field ${number}, which is unknown here`,
        );
      continue;
    }
    if (seen.has(field.tag)) throw faulty(code, start, `the ${name} has field ${number} twice`);
    seen.add(field.tag);
    if (!take(field.value))
      throw faulty(code, start, `field ${number} of the ${name} is out of bounds`);
  }
  return `${major}.${minor}`;
}

/** Returns an error about a frame, which names its place. */
export function faulty(code: ProtocolErrorCode, start: FrameStart, what: string): ProtocolError {
  return new ProtocolError(code, start.offset, `${what}, ${whereabouts(start)}`);
}
