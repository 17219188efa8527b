import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  blockStreamEnded,
  decodeBlockFrames,
  type BlockFrame,
} from "../src/protocol/block-stream.ts";
import { DEFAULT_DIGEST, type DigestName } from "../src/protocol/digest.ts";
import { ProtocolError, type ProtocolErrorCode } from "../src/protocol/error.ts";
import { decodeHashFrames, hashStreamEnded, type HashFrame } from "../src/protocol/hash-stream.ts";

/** A recorded stream, or another file of the same folder. */
export function recorded(name: string): Uint8Array {
  // A plain one: the methods of a Buffer are not all those of a Uint8Array.
  return new Uint8Array(
    readFileSync(new URL(`./vectors/blockcopy-0.0.2/${name}`, import.meta.url)),
  );
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

/** The frames of a hash stream that arrives in these chunks; throws what its reader would. */
export function readHashStream(chunks: Iterable<Uint8Array>): HashFrame[] {
  const all: HashFrame[] = [];
  let pending: Uint8Array = new Uint8Array();
  let offset = 0;
  let digest: DigestName = DEFAULT_DIGEST;
  for (const chunk of chunks) {
    pending = Buffer.concat([pending, chunk]);
    const decoded = decodeHashFrames(pending, offset, digest);
    all.push(...decoded.frames);
    if (decoded.done) return all;
    ({ digest } = decoded);
    pending = pending.subarray(decoded.consumed);
    offset += decoded.consumed;
  }
  throw hashStreamEnded(pending, offset, digest);
}

/** A frame of the block stream with its payload. */
export type Block = Pick<BlockFrame, "codec" | "position" | "streamOffset"> & {
  payload: Uint8Array;
};

/** The frames of a block stream that arrives in these chunks; throws what its reader would. */
export function readBlockStream(chunks: Iterable<Uint8Array>): Block[] {
  const all: Block[] = [];
  // Not at the start of the memory, as in a reader that keeps partial frames in place.
  const gap = 3;
  let memory: Uint8Array = new Uint8Array(gap);
  let offset = 0;
  for (const chunk of chunks) {
    memory = Buffer.concat([memory, chunk]);
    const decoded = decodeBlockFrames(memory, gap, memory.length, offset);
    for (const { codec, position, streamOffset, ...payload } of decoded.frames)
      all.push({
        codec,
        position,
        streamOffset,
        payload: memory.slice(payload.offset, payload.offset + payload.length),
      });
    if (decoded.done) return all;
    memory = memory.subarray(decoded.consumed);
    offset += decoded.consumed;
  }
  throw blockStreamEnded(memory.subarray(gap), offset);
}

/** What `decode` throws, which must be a ProtocolError whose message tells its offset. */
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
