import { ProtocolError } from "./error.ts";
import { MAX_FRAME_LENGTH, MAX_POSITION } from "./limits.ts";

/** Bytes in a command. */
export const COMMAND_LENGTH = 4;

/** Bytes in a position (8) and a length (4). */
export const LOCATION_LENGTH = 12;

/** The commands that frames begin with, in either stream. */
export type Command =
  | "helo"
  | "Hash"
  | "hash"
  | "rest"
  | "head"
  | "data"
  | "dlzm"
  | "blck"
  | "zero"
  | "root"
  | "done"
  | "tail";

/** The two streams: `hash` is checksum to retrieve, `block` is retrieve to save. */
export type StreamName = "hash" | "block";

/** A frame whose command has been read: what an error about it must say. */
export interface FrameStart {
  /** Undefined while it is not known yet which of the two this is. */
  readonly stream: StreamName | undefined;
  readonly command: string;
  /** Bytes from the start of the stream to the frame's first byte. */
  readonly offset: number;
}

/** A DataView of exactly these bytes, wherever in their buffer they lie. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The four bytes at `at`, each one as the character of that number. */
export function readCommand(view: DataView, at: number): string {
  return String.fromCharCode(
    view.getUint8(at),
    view.getUint8(at + 1),
    view.getUint8(at + 2),
    view.getUint8(at + 3),
  );
}

/** Writes the four letters of a command at `at`. */
export function writeCommand(view: DataView, at: number, command: Command): void {
  for (let i = 0; i < COMMAND_LENGTH; i++) view.setUint8(at + i, command.charCodeAt(i));
}

/**
 * The position (8 bytes) at `at`.
 * @throws ProtocolError `bad-position` when it is more than `MAX_POSITION`.
 */
export function readPosition(view: DataView, at: number, frame: FrameStart): number {
  const position = view.getBigUint64(at);
  if (position > MAX_POSITION) throw badPosition(frame, "Position", position);
  return Number(position);
}

/**
 * The length (4 bytes) at `at`.
 * @throws ProtocolError `bad-length` when it is 0 or more than `MAX_FRAME_LENGTH`.
 */
export function readLength(view: DataView, at: number, frame: FrameStart): number {
  const length = view.getUint32(at);
  if (length === 0 || length > MAX_FRAME_LENGTH)
    throw new ProtocolError(
      "bad-length",
      frame.offset,
      `Length ${length} in a \`${frame.command}\` frame is not from 1 to ${MAX_FRAME_LENGTH}, ${whereabouts(frame)}`,
    );
  return length;
}

/**
 * The position (8 bytes) and length (4 bytes) at `at`.
 * @throws ProtocolError when either is out of bounds, or their sum is.
 */
export function readLocation(
  view: DataView,
  at: number,
  frame: FrameStart,
): { position: number; length: number } {
  const position = readPosition(view, at, frame);
  const length = readLength(view, at + 8, frame);
  if (position + length > MAX_POSITION)
    throw badPosition(frame, "End", BigInt(position) + BigInt(length));
  return { position, length };
}

/** Writes a position (8 bytes) and a length (4 bytes) at `at`; both checked by the caller. */
export function writeLocation(view: DataView, at: number, position: number, length: number): void {
  view.setBigUint64(at, BigInt(position));
  view.setUint32(at + 8, length);
}

/**
 * Checks a number that this side is about to send.
 * @throws RangeError when it is not a whole number from `least` to `most`: a mistake in the caller.
 */
export function assertWhole(name: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new RangeError(`${name} ${value} is not from ${least} to ${most}`);
}

/** What a stream is called in messages; undefined is one that could be either. */
export function inputStream(stream: StreamName | undefined): string {
  return stream === undefined ? "input stream" : `${stream} input stream`;
}

/** The stream that a command belongs to; `root` and `done` end both. */
const STREAM_OF: Readonly<Record<string, StreamName>> = {
  helo: "hash",
  Hash: "hash",
  hash: "hash",
  rest: "hash",
  head: "block",
  data: "block",
  dlzm: "block",
  blck: "block",
  zero: "block",
  tail: "block",
};

/** The stream that has frames of this command; undefined when both have, or none. */
export function streamOf(command: string): StreamName | undefined {
  return Object.hasOwn(STREAM_OF, command) ? STREAM_OF[command] : undefined;
}

/** The error for a frame whose command is not one of its stream's, or not where it is. */
export function unknownCommand(frame: FrameStart): ProtocolError {
  const other = streamOf(frame.command);
  if (other !== undefined && other !== frame.stream)
    return new ProtocolError(
      "other-stream",
      frame.offset,
      `A \`${frame.command}\` frame of a ${other} stream, ${whereabouts(frame)}`,
    );
  return new ProtocolError(
    "unknown-command",
    frame.offset,
    `Unknown command received: b'${printable(frame.command)}', ${whereabouts(frame)}`,
  );
}

function badPosition(frame: FrameStart, name: string, value: bigint): ProtocolError {
  return new ProtocolError(
    "bad-position",
    frame.offset,
    `${name} ${value} in a \`${frame.command}\` frame is more than ${MAX_POSITION}, ${whereabouts(frame)}`,
  );
}

/** Where a frame begins, in words. */
export function whereabouts(frame: FrameStart): string {
  return `at byte ${frame.offset} of the ${inputStream(frame.stream)}`;
}

/** What came over the wire may be anything, and is shown on a terminal: escapes what is not plain text. */
export function printable(text: string): string {
  return text.replace(
    /[^ -~]|[\\']/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
