import {
  COMMAND_LENGTH,
  LOCATION_LENGTH,
  assertWhole,
  readLocation,
  unknownCommand,
  viewOf,
  writeCommand,
  writeLocation,
  type FrameStart,
} from "../bytes.ts";
import type { BlockCodec } from "../codec.ts";
import { MAX_FRAME_LENGTH, MAX_POSITION } from "../limits.ts";

/** Bytes before the payload of a `data` or `dlzm` frame. */
export const BLOCK_HEADER_LENGTH = COMMAND_LENGTH + LOCATION_LENGTH;

/** The header of a frame with a block or a run of zeros. */
export interface BlockHeader {
  command: "data" | "dlzm" | "blck" | "zero";
  /** Codec of the payload; `zeros` means that there is no payload. */
  codec: BlockCodec | "zeros";
  /** Offset of the block in the destination. */
  position: number;
  /** Bytes in the block, 1 to `MAX_FRAME_LENGTH`; undefined for a `dlzm` frame, whose header does not tell. */
  block: number | undefined;
  /** Bytes in the payload, 0 to `MAX_FRAME_LENGTH`. */
  length: number;
  /** Digest of the block: a view into the decoded bytes; undefined for frames that have none. */
  digest: Uint8Array | undefined;
  /** Bytes in the header. */
  headerLength: number;
  /** Bytes from the start of the stream to the frame, for errors. */
  streamOffset: number;
}

/**
 * Writes the header of a `data` or `dlzm` frame, `BLOCK_HEADER_LENGTH` bytes, into `target` at `at`.
 * @param position offset of the block in the destination
 * @param length bytes in the payload that follows
 * @throws RangeError when an argument is out of bounds; `target` is then unchanged
 */
export function encodeBlockHeader(
  target: Uint8Array,
  at: number,
  command: "data" | "dlzm",
  position: number,
  length: number,
): void {
  assertWhole("position", position, 0, MAX_POSITION);
  assertWhole("length", length, 1, Math.min(MAX_FRAME_LENGTH, MAX_POSITION - position));
  assertWhole("header offset", at, 0, target.length - BLOCK_HEADER_LENGTH);
  const header = viewOf(target.subarray(at));
  writeCommand(header, 0, command);
  writeLocation(header, COMMAND_LENGTH, position, length);
}

/**
 * Decodes the whole header of a `data` or `dlzm` frame.
 * @throws ProtocolError for any other command, and for numbers out of bounds
 */
export function decodeBlockHeader(header: Uint8Array, start: FrameStart): BlockHeader {
  const { command } = start;
  if (command !== "data" && command !== "dlzm") throw unknownCommand(start);
  const { position, length } = readLocation(viewOf(header), COMMAND_LENGTH, start);
  return {
    command,
    codec: command === "data" ? "raw" : "xz",
    position,
    block: command === "data" ? length : undefined,
    length,
    digest: undefined,
    headerLength: BLOCK_HEADER_LENGTH,
    streamOffset: start.offset,
  };
}
