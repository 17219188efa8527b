// Frames of the wire, written and read in the plainest way: the tests' own opinion of what the bytes mean.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { descriptionFrame, field, u32, u64 } from "./description-frames.ts";

/** The end of either stream. */
export const DONE = Buffer.from("done");

/** The digest of a block. */
export type Digest = (block: Uint8Array) => Buffer;

/** SHA3-512, by OpenSSL. */
export const sha3: Digest = (block) => createHash("sha3-512").update(block).digest();

/** The tag of the field that names the digest. */
export const DIGEST_TAG = 0x8001;

/** A field of a `helo` frame. */
export const helloField = field;

/** A `helo` frame around `fields`, of the version given as `[major, minor]`. */
export function helloFrame(
  fields: readonly Uint8Array[],
  version?: readonly [number, number],
): Buffer {
  return descriptionFrame("helo", fields, version);
}

/** `helo` with a length that need not be that of `body`. */
export function rawHello(length: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from("helo"), u32(length), body]);
}

/** A `helo` frame that names the digest alone, and so is answered with the frames of blockcopy 0.0.2. */
export function hello(digest: string): Buffer {
  return helloFrame([helloField(DIGEST_TAG, digest)]);
}

/** A `Hash` frame with any numbers in it. */
export function hashFrame(
  position: number | bigint,
  size: number,
  digestBytes: Uint8Array,
): Buffer {
  return Buffer.concat([Buffer.from("Hash"), u64(position), u32(size), digestBytes]);
}

/** A `Hash` frame that no block matches, so that `retrieve` sends the block. */
export function unequalHash(position: number | bigint, size: number, digestLength = 64): Buffer {
  return hashFrame(position, size, Buffer.alloc(digestLength, 0xee));
}

/** A frame of the deprecated kind, for the block after the last one; its digest is `fill` all through. */
export function deprecatedHash(size: number, fill: number): Buffer {
  return Buffer.concat([Buffer.from("hash"), u32(size), Buffer.alloc(64, fill)]);
}

/** A `rest` frame. */
export function restFrame(offset: number | bigint): Buffer {
  return Buffer.concat([Buffer.from("rest"), u64(offset)]);
}

/** A `data` frame; `length` differs from the payload's only in frames made to be refused. */
export function dataFrame(
  position: number | bigint,
  payload: Uint8Array,
  length = payload.length,
): Buffer {
  return Buffer.concat([Buffer.from("data"), u64(position), u32(length), payload]);
}

/** A `dlzm` frame around a complete .xz stream. */
export function dlzmFrame(
  position: number | bigint,
  xzStream: Uint8Array,
  length = xzStream.length,
): Buffer {
  return Buffer.concat([Buffer.from("dlzm"), u64(position), u32(length), xzStream]);
}

/** Compresses with the xz program, as blockcopy 0.0.2 does: preset 6, CRC64. */
export function xz(bytes: Uint8Array, preset: 0 | 6 = 6): Buffer {
  return execFileSync("xz", ["--compress", "--stdout", `-${preset}`, "--check=crc64"], {
    input: bytes,
    maxBuffer: 1 << 26,
  });
}

/** The hash stream of `bytes[start, end)` in blocks of `block` bytes, with `rest` unless `end` is given or the input is a pipe. */
export function hashStream(
  bytes: Buffer,
  options: { start?: number; end?: number; rest?: boolean; digest?: Digest; block?: number } = {},
): Buffer {
  const {
    start = 0,
    end = bytes.length,
    rest = options.end === undefined,
    digest = sha3,
    block: blockSize = 131_072,
  } = options;
  const frames: Buffer[] = [];
  for (let at = start; at < end; at += blockSize) {
    const block = bytes.subarray(at, Math.min(at + blockSize, end));
    frames.push(hashFrame(at, block.length, digest(block)));
  }
  if (rest) frames.push(restFrame(bytes.length));
  return Buffer.concat([...frames, DONE]);
}

/** One frame of a hash stream, as `inspect --json` has it. */
export interface HashLine {
  offset: number;
  frame: string;
  position?: number;
  length?: number;
  digest?: string;
}

/** Reads a complete hash stream up to and with `done`; one with a hello from where that ends, `at`. */
export function decodeHashes(stream: Buffer, at = 0, digestLength = 64): HashLine[] {
  const frame = stream.toString("latin1", at, at + 4);
  const next = (length: number): HashLine[] => decodeHashes(stream, at + length, digestLength);
  const digest = (from: number): string =>
    stream.subarray(from, from + digestLength).toString("hex");
  const position = (): number => Number(stream.readBigUInt64BE(at + 4));
  if (frame === "done") return [{ offset: at, frame }];
  if (frame === "rest") return [{ offset: at, frame, position: position() }, ...next(12)];
  if (frame === "hash") {
    const length = stream.readUInt32BE(at + 4);
    return [{ offset: at, frame, length, digest: digest(at + 8) }, ...next(8 + digestLength)];
  }
  if (frame !== "Hash") throw new Error(`unknown command ${JSON.stringify(frame)} at ${at}`);
  const length = stream.readUInt32BE(at + 12);
  const line = { offset: at, frame, position: position(), length, digest: digest(at + 16) };
  return [line, ...next(16 + digestLength)];
}

/** One frame of a block stream. */
export interface BlockFrame {
  command: "data" | "dlzm";
  position: number;
  payload: Buffer;
}

/** Reads a block stream up to `done`; whether `done` was there is the second part of the answer. */
export function decodeBlocks(stream: Buffer): { frames: BlockFrame[]; done: boolean } {
  const frames: BlockFrame[] = [];
  for (let at = 0; at < stream.length;) {
    const command = stream.toString("latin1", at, at + 4);
    if (command === "done") return { frames, done: true };
    if (command !== "data" && command !== "dlzm")
      throw new Error(`unknown command ${JSON.stringify(command)} at ${at}`);
    const position = Number(stream.readBigUInt64BE(at + 4));
    const length = stream.readUInt32BE(at + 12);
    const payload = stream.subarray(at + 16, at + 16 + length);
    if (payload.length !== length) throw new Error(`frame at ${at} is cut`);
    frames.push({ command, position, payload });
    at += 16 + length;
  }
  return { frames, done: false };
}

/** The result of a block stream without `dlzm` frames on `destination`. */
export function applyBlocks(destination: Buffer, frames: readonly BlockFrame[]): Buffer {
  const size = frames.reduce(
    (end, frame) => Math.max(end, frame.position + frame.payload.length),
    destination.length,
  );
  const result = Buffer.alloc(size);
  destination.copy(result);
  for (const frame of frames) frame.payload.copy(result, frame.position);
  return result;
}
