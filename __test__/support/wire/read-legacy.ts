// Reads legacy streams with the decoders under test, in chunks of any size.
import assert from "node:assert/strict";
import {
  BlockDecoder,
  type BlockFrame,
  type DecodedBlockFrames,
} from "../../../src/protocol/block-stream/decoder.ts";
import { DEFAULT_HASHING, type Hashing } from "../../../src/protocol/digest.ts";
import { ProtocolError, type ProtocolErrorCode } from "../../../src/protocol/error.ts";
import { HashDecoder } from "../../../src/protocol/hash-stream/decoder.ts";
import type { HashFrame } from "../../../src/protocol/hash-stream/frames.ts";
import { recorded } from "./vectors.ts";

/** Content of a recorded file as a plain Uint8Array: the methods of a Buffer differ from those of its base class. */
export function recordedBytes(name: string): Uint8Array {
  return new Uint8Array(recorded(name));
}

/** A deprecated `hash` frame: it is read but never written, so no encoder exists for it. */
export function deprecatedHash(length: number, digest: Uint8Array): Uint8Array {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(length);
  return Buffer.concat([Buffer.from("hash"), size, digest]);
}

/** Bytes of a frame: its command, then 8-byte (bigint) and 4-byte (number) fields, then the rest. */
export function frame(
  command: string,
  fields: readonly (bigint | number)[],
  rest: Uint8Array = Buffer.alloc(0),
): Uint8Array {
  const encoded = fields.map((field) => {
    if (typeof field === "number") {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(field);
      return bytes;
    }
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(field);
    return bytes;
  });
  return Buffer.concat([Buffer.from(command, "latin1"), ...encoded, rest]);
}

/** `bytes` in pieces whose sizes go round `sizes`. */
export function* split(bytes: Uint8Array, sizes: number[]): Generator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** A frame of the hash stream without its place in it. */
export type HashContent = Placeless<HashFrame>;
type Placeless<Frame> = Frame extends unknown ? Omit<Frame, "streamOffset"> : never;

function contentOf(decoded: HashFrame): HashContent {
  return decoded.kind !== "hash"
    ? { kind: decoded.kind, offset: decoded.offset }
    : {
        kind: decoded.kind,
        position: decoded.position,
        length: decoded.length,
        digest: decoded.digest,
      };
}

/** The frames that a decoder finds in the first bytes that it gets. */
export function decodeHashFrames(
  bytes: Uint8Array,
  streamOffset: number,
): { frames: HashContent[]; consumed: number; done: boolean; hello: Hashing } {
  const decoder = new HashDecoder();
  const decoded = decoder.decode(bytes, streamOffset);
  return { ...decoded, frames: decoded.frames.map(contentOf), hello: hashingOf(decoder) };
}

function hashingOf({ hello }: HashDecoder): Hashing {
  return hello === undefined
    ? DEFAULT_HASHING
    : { digest: hello.digest, blockSize: hello.blockSize };
}

/** The error for a stream that ended with these bytes, which were the first that its decoder got. */
export function hashStreamEnded(rest: Uint8Array, streamOffset: number): ProtocolError {
  return new HashDecoder().ended(rest, streamOffset);
}

/** The frames of a hash stream that arrives in these chunks; throws what its reader would. */
export function readHashStream(chunks: Iterable<Uint8Array>): HashContent[] {
  const all: HashContent[] = [];
  let pending: Uint8Array = new Uint8Array();
  let offset = 0;
  const decoder = new HashDecoder();
  for (const chunk of chunks) {
    pending = Buffer.concat([pending, chunk]);
    const decoded = decoder.decode(pending, offset);
    all.push(...decoded.frames.map(contentOf));
    if (decoded.done) return all;
    pending = pending.subarray(decoded.consumed);
    offset += decoded.consumed;
  }
  throw decoder.ended(pending, offset);
}

/** The frames of blockcopy 0.0.2 that a decoder finds in the first bytes that it gets. */
export function decodeBlockFrames(
  memory: Uint8Array,
  start: number,
  end: number,
  streamOffset: number,
): Omit<DecodedBlockFrames, "frames"> & {
  frames: Pick<BlockFrame, "command" | "position" | "offset" | "length" | "streamOffset">[];
} {
  const decoded = new BlockDecoder().decode(memory, start, end, streamOffset);
  const frames = decoded.frames.map(({ command, position, offset, length, streamOffset: at }) => ({
    command,
    position,
    offset,
    length,
    streamOffset: at,
  }));
  return { ...decoded, frames };
}

/** The error for a stream that ended with these bytes, which were the first that its decoder got. */
export function blockStreamEnded(rest: Uint8Array, streamOffset: number): ProtocolError {
  return new BlockDecoder().ended(rest, streamOffset);
}

/** A frame of the block stream with its payload. */
export interface Block {
  command: "data" | "dlzm";
  position: number;
  streamOffset: number;
  payload: Uint8Array;
}

/** The frames of a block stream that arrives in these chunks; throws what its reader would. */
export function readBlockStream(chunks: Iterable<Uint8Array>): Block[] {
  const all: Block[] = [];
  // Not at the start of the memory, as in a reader that keeps partial frames in place.
  const gap = 3;
  let memory: Uint8Array = new Uint8Array(gap);
  let offset = 0;
  const decoder = new BlockDecoder();
  for (const chunk of chunks) {
    memory = Buffer.concat([memory, chunk]);
    const decoded = decoder.decode(memory, gap, memory.length, offset);
    for (const { command, position, streamOffset, ...payload } of decoded.frames) {
      assert.ok(command === "data" || command === "dlzm");
      all.push({
        command,
        position,
        streamOffset,
        payload: memory.slice(payload.offset, payload.offset + payload.length),
      });
    }
    if (decoded.done) return all;
    memory = memory.subarray(decoded.consumed);
    offset += decoded.consumed;
  }
  throw decoder.ended(memory.subarray(gap), offset);
}

/** The error that `decode` throws, which must be a ProtocolError whose message tells its offset. */
export function protocolErrorOf(decode: () => unknown): ProtocolError {
  try {
    decode();
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
    assert.match(error.message, new RegExp(`(at byte|after) ${error.offset}\\b`));
    return error;
  }
  return assert.fail("nothing was thrown");
}

/** Checks that `decode` throws a ProtocolError of this code and offset, and what its message says. */
export function assertRefused(
  decode: () => unknown,
  code: ProtocolErrorCode,
  offset: number,
  words: string,
): void {
  const error = protocolErrorOf(decode);
  assert.deepEqual({ code: error.code, offset: error.offset }, { code, offset });
  assert.ok(error.message.includes(words), error.message);
}
