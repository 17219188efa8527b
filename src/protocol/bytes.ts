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
  | "mark"
  | "head"
  | "data"
  | "dlzm"
  | "blck"
  | "zero"
  | "root"
  | "done"
  | "tail";

/** The two streams: `hash` goes from checksum to retrieve, `block` from retrieve to save. */
export type StreamName = "hash" | "block";

/** The facts that an error about a frame must name. */
export interface FrameStart {
  /** Undefined while the kind of stream is not known. */
  readonly stream: StreamName | undefined;
  readonly command: string;
  /** Bytes from the start of the stream to the frame's first byte. */
  readonly offset: number;
}

/** Returns a DataView of exactly these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads the four bytes at `at` as Latin-1. */
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
 * Reads the position (8 bytes) at `at`.
 * @throws ProtocolError `bad-position` if it is more than `MAX_POSITION`
 */
export function readPosition(view: DataView, at: number, frame: FrameStart): number {
  const position = view.getBigUint64(at);
  if (position > MAX_POSITION) throw badPosition(frame, "position", position);
  return Number(position);
}

/**
 * Reads the length (4 bytes) at `at`.
 * @throws ProtocolError `bad-length` if it is 0 or more than `MAX_FRAME_LENGTH`
 */
export function readLength(view: DataView, at: number, frame: FrameStart): number {
  const length = view.getUint32(at);
  if (length === 0 || length > MAX_FRAME_LENGTH)
    throw new ProtocolError(
      "bad-length",
      frame.offset,
      `length ${length} in a \`${frame.command}\` frame is not from 1 to ${MAX_FRAME_LENGTH}, ${whereabouts(frame)}`,
    );
  return length;
}

/**
 * Reads the position (8 bytes) and length (4 bytes) at `at`.
 * @throws ProtocolError if one of them, or their sum, is out of bounds
 */
export function readLocation(
  view: DataView,
  at: number,
  frame: FrameStart,
): { position: number; length: number } {
  const position = readPosition(view, at, frame);
  const length = readLength(view, at + 8, frame);
  if (position + length > MAX_POSITION)
    throw badPosition(frame, "end", BigInt(position) + BigInt(length));
  return { position, length };
}

/** Writes a position (8 bytes) and a length (4 bytes) at `at`. The caller has checked both. */
export function writeLocation(view: DataView, at: number, position: number, length: number): void {
  view.setBigUint64(at, BigInt(position));
  view.setUint32(at + 8, length);
}

/**
 * Checks a number before it is sent.
 * @throws RangeError if it is not a whole number from `least` to `most`, which is a mistake in the caller
 */
export function assertWhole(name: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new RangeError(`${name} ${value} is not from ${least} to ${most}`);
}

/** Returns the name of a stream in messages. */
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

/** Returns the stream that a command belongs to; undefined for those of both streams, and for unknown ones. */
export function streamOf(command: string): StreamName | undefined {
  return Object.hasOwn(STREAM_OF, command) ? STREAM_OF[command] : undefined;
}

/** Returns the error for a command that is unknown, belongs to the other stream, or is in the wrong place. */
export function unknownCommand(frame: FrameStart): ProtocolError {
  const other = streamOf(frame.command);
  if (other !== undefined && other !== frame.stream)
    return new ProtocolError(
      "other-stream",
      frame.offset,
      `a \`${frame.command}\` frame of a ${other} stream, ${whereabouts(frame)}`,
    );
  return new ProtocolError(
    "unknown-command",
    frame.offset,
    `unknown command received: b'${printable(frame.command)}', ${whereabouts(frame)}`,
  );
}

function badPosition(frame: FrameStart, name: string, value: bigint): ProtocolError {
  return new ProtocolError(
    "bad-position",
    frame.offset,
    `${name} ${value} in a \`${frame.command}\` frame is more than ${MAX_POSITION}, ${whereabouts(frame)}`,
  );
}

/** Returns the place of a frame, for messages. */
export function whereabouts(frame: FrameStart): string {
  return `at byte ${frame.offset} of the ${inputStream(frame.stream)}`;
}

/** Escapes all but printable ASCII: text from the wire may be anything, and messages are shown on a terminal. */
export function printable(text: string): string {
  return text.replace(
    /[^ -~]|[\\']/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
