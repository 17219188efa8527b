import {
  COMMAND_LENGTH,
  EXTENT_LENGTH,
  assertWhole,
  readCommand,
  readExtent,
  unknownCommand,
  viewOf,
  writeCommand,
  writeExtent,
  type FrameStart,
} from "./bytes.ts";
import type { ProtocolError } from "./error.ts";
import { MAX_FRAME_LENGTH, MAX_POSITION } from "./limits.ts";
import { streamEnded } from "./stream-end.ts";

/** Bytes before the payload of a `data` or `dlzm` frame. */
export const BLOCK_HEADER_LENGTH = COMMAND_LENGTH + EXTENT_LENGTH;

/** How a payload is encoded: `data` is the block itself, `dlzm` one .xz stream of it. */
export type BlockCodec = "data" | "dlzm";

/** One frame of the block stream, which retrieve writes and save reads. */
export interface BlockFrame {
  codec: BlockCodec;
  /** Where in the destination the block begins, in bytes. */
  position: number;
  /** Where in the decoded memory the payload begins. */
  offset: number;
  /** Bytes in the payload, 1 to `MAX_FRAME_LENGTH`. */
  length: number;
  /** Bytes from the start of the stream to the frame, for errors. */
  streamOffset: number;
}

/** What `decodeBlockFrames` found. */
export interface DecodedBlockFrames {
  /** The complete frames, in order. */
  frames: BlockFrame[];
  /** Bytes that they take, with those of `done`. */
  consumed: number;
  /** Whether the stream is complete. */
  done: boolean;
  /**
   * Bytes of memory, from the first unconsumed one on, that the partial frame
   * there takes in all; 0 when none has begun. While its header is incomplete
   * this is the length of a header. Do not wait for so many: `done` is shorter.
   */
  needed: number;
}

/**
 * Writes the header of a `data` or `dlzm` frame, `BLOCK_HEADER_LENGTH` bytes, into `target` at `at`.
 * @param position where in the destination the block begins
 * @param length bytes in the payload that follows
 * @throws RangeError when an argument is out of bounds; `target` is then unchanged
 */
export function encodeBlockHeader(
  target: Uint8Array,
  at: number,
  codec: BlockCodec,
  position: number,
  length: number,
): void {
  assertWhole("position", position, 0, MAX_POSITION);
  assertWhole("length", length, 1, Math.min(MAX_FRAME_LENGTH, MAX_POSITION - position));
  assertWhole("header offset", at, 0, target.length - BLOCK_HEADER_LENGTH);
  const header = viewOf(target.subarray(at));
  writeCommand(header, 0, codec);
  writeExtent(header, COMMAND_LENGTH, position, length);
}

/**
 * Decodes the complete frames at the start of `memory` from `start` to `end`,
 * up to `done`; what follows `done` is not looked at. A partial frame is left
 * unconsumed, to be passed again with more bytes behind it.
 * @param streamOffset bytes from the start of the stream to `start`
 * @param most frames to decode; those that follow are left unconsumed
 * @throws ProtocolError as soon as the command or header that is at fault is
 *   there; the good frames before it in `memory` are lost
 */
export function decodeBlockFrames(
  memory: Uint8Array,
  start: number,
  end: number,
  streamOffset: number,
  most = Infinity,
): DecodedBlockFrames {
  const bytes = memory.subarray(start, end);
  const view = viewOf(bytes);
  const frames: BlockFrame[] = [];
  let at = 0;
  let needed = 0;
  while (at < bytes.length && frames.length < most) {
    const available = bytes.length - at;
    needed = BLOCK_HEADER_LENGTH;
    if (available < COMMAND_LENGTH) break;
    const command = readCommand(view, at);
    if (command === "done") return { frames, consumed: at + COMMAND_LENGTH, done: true, needed: 0 };
    const frame: FrameStart = {
      stream: "block",
      command,
      offset: streamOffset + at,
    };
    if (command !== "data" && command !== "dlzm") throw unknownCommand(frame);
    if (available < BLOCK_HEADER_LENGTH) break;
    const extent = readExtent(view, at + COMMAND_LENGTH, frame);
    needed = BLOCK_HEADER_LENGTH + extent.length;
    if (available < needed) break;
    frames.push({
      codec: command,
      position: extent.position,
      offset: start + at + BLOCK_HEADER_LENGTH,
      length: extent.length,
      streamOffset: frame.offset,
    });
    at += needed;
    needed = 0;
  }
  return { frames, consumed: at, done: false, needed };
}

/**
 * The error for a block stream that ended without `done`.
 * @param rest what `decodeBlockFrames` left unconsumed
 * @param streamOffset bytes from the start of the stream to `rest`
 */
export function blockStreamEnded(rest: Uint8Array, streamOffset: number): ProtocolError {
  return streamEnded("block", rest, streamOffset, () => ({
    name: rest.length < BLOCK_HEADER_LENGTH ? "block position and size" : "block data",
    needed: decodeBlockFrames(rest, 0, rest.length, streamOffset).needed,
  }));
}
