// Extended streams, written and read in the plainest way: the tests' own opinion of what their bytes mean.
import { crc32 } from "./crc32.ts";
import assert from "node:assert/strict";
import {
  type Description,
  descriptionFrame,
  field,
  readDescription,
  u32,
  u64,
  withCrc,
} from "./description-frames.ts";
import { DIGEST_TAG, DONE } from "./frames.ts";

/** Codecs of payloads, each at its number on the wire. */
const CODECS = ["raw", "xz", "zstd", "lz4"] as const;

/** Bytes in a digest. */
const DIGEST_LENGTHS: Readonly<Record<string, number>> = { "sha3-512": 64, blake3: 32 };

/** Fields of the `helo` frame of a sealed hash stream. */
export interface HelloFields {
  digest?: string;
  blockSize?: number;
  accepts?: readonly string[];
  size?: number;
  identity?: string;
  root?: Uint8Array;
  end?: number;
  dryRun?: boolean;
  marks?: boolean;
}

/** A `helo` frame that asks for an extended block stream. */
export function sealedHello(fields: HelloFields = {}): Buffer {
  const { digest = "sha3-512", blockSize = 131_072, accepts = CODECS } = fields;
  const { size, identity, root, end, dryRun, marks } = fields;
  return descriptionFrame("helo", [
    field(DIGEST_TAG, digest),
    field(0x8002, u32(blockSize)),
    field(0x8003, accepts.join(" ")),
    ...(size === undefined ? [] : [field(4, u64(size))]),
    ...(identity === undefined ? [] : [field(5, identity)]),
    ...(root === undefined ? [] : [field(6, root)]),
    ...(end === undefined ? [] : [field(9, u64(end))]),
    ...(marks === true ? [field(0x800b, "")] : []),
    ...(dryRun === true ? [field(10, "")] : []),
  ]);
}

/** Fields of the `head` frame of an extended block stream; `source` are whole fields, those of a trailer. */
export interface HeadFields {
  digest?: string;
  blockSize?: number;
  base?: { size: number; root: Uint8Array };
  source?: readonly Uint8Array[];
  end?: number;
}

/** A `head` frame. */
export function headFrame(fields: HeadFields = {}): Buffer {
  const { digest = "sha3-512", blockSize = 131_072, base, source = [], end } = fields;
  return descriptionFrame("head", [
    field(0x8010, digest),
    field(0x8011, u32(blockSize)),
    ...source,
    ...(base === undefined ? [] : [field(0x8012, Buffer.concat([u64(base.size), base.root]))]),
    ...(end === undefined ? [] : [field(0x13, u64(end))]),
  ]);
}

/** A frame between the first and the `root` frame: its bytes, and those of them that the seal covers. */
export interface Sealed {
  bytes: Buffer;
  sealed: Buffer;
}

/** A frame of the hash stream, which the seal covers whole. */
export function whole(bytes: Buffer): Sealed {
  return { bytes, sealed: bytes };
}

/** Fields and payload of a `blck` frame. */
export interface BlckFields {
  position: number | bigint;
  /** Bytes in the block; those of the payload if not given. */
  block?: number;
  /** The number of its codec. */
  codec?: number;
  digest: Uint8Array;
  payload: Uint8Array;
  /** Bytes in the payload, in frames made to be refused. */
  length?: number;
}

/** A `blck` frame. */
export function blckFrame(fields: BlckFields): Sealed {
  const { position, digest, payload, codec = 0 } = fields;
  const { block = payload.length, length = payload.length } = fields;
  const numbers = [u64(position), u32(block), u32(length), Buffer.of(codec)];
  const sealed = Buffer.concat([Buffer.from("blck"), ...numbers, digest]);
  return { bytes: Buffer.concat([withCrc(sealed), payload]), sealed };
}

/** A `zero` frame. */
export function zeroFrame(position: number | bigint, length: number): Sealed {
  const sealed = Buffer.concat([Buffer.from("zero"), u64(position), u32(length)]);
  return { bytes: withCrc(sealed), sealed };
}

/** A `mark` frame of the block stream. */
export function markFrame(offset: number | bigint): Sealed {
  const sealed = Buffer.concat([Buffer.from("mark"), u64(offset)]);
  return { bytes: withCrc(sealed), sealed };
}

/** A root digest as the value of a field. */
export function rootValue(root: Uint8Array, digest = "sha3-512", blockSize = 131_072): Buffer {
  return Buffer.concat([u32(blockSize), root, Buffer.from(digest, "latin1")]);
}

/** The `root` frame after `frames`. */
export function rootFrame(
  frames: readonly Sealed[],
  root?: Uint8Array,
  more: readonly Uint8Array[] = [],
): Buffer {
  const crc = crc32(Buffer.concat(frames.map(({ sealed }) => sealed)));
  return descriptionFrame("root", [
    field(0x8001, u64(frames.length)),
    field(0x8002, u32(crc)),
    ...(root === undefined ? [] : [field(3, root)]),
    ...more,
  ]);
}

/** A whole stream: what it begins with, frames, the `root` frame and `done`. */
export function sealedStream(begin: Buffer, frames: readonly Sealed[], root?: Uint8Array): Buffer {
  return Buffer.concat([begin, ...frames.map(({ bytes }) => bytes), rootFrame(frames, root), DONE]);
}

/** A block, or a run of zeros, of an extended block stream. */
interface ExtendedFrame {
  command: "blck" | "zero";
  position: number;
  /** Bytes in the block. */
  block: number;
  codec: (typeof CODECS)[number] | "zeros";
  digest: Buffer;
  payload: Buffer;
}

/** An extended block stream, taken apart. */
export interface ExtendedBlocks {
  head: Description;
  frames: ExtendedFrame[];
  /** The fields of its `root` frame. */
  root: Description;
  /** The bytes after `done`. */
  after: Buffer;
}

/** Reads a whole extended block stream; all checksums in it have to be right, and so do order and seal. */
export function decodeExtendedBlocks(stream: Buffer): ExtendedBlocks {
  let at = 0;
  const take = (length: number): Buffer => {
    assert.ok(at + length <= stream.length, `the stream ends inside what begins at ${at}`);
    at += length;
    return stream.subarray(at - length, at);
  };
  const describe = (command: string): Description => {
    const description = readDescription(command, take(8 + stream.readUInt32BE(at + 4)));
    assert.ok(description.sound, `the checksum of ${command}`);
    return description;
  };
  const head = describe("head");
  const digestLength = DIGEST_LENGTHS[String(head.fields.get(0x8010))];
  assert.ok(digestLength !== undefined, "no digest is named");

  const frames: ExtendedFrame[] = [];
  const sealed: Buffer[] = [];
  let end = 0;
  for (;;) {
    const command = stream.toString("latin1", at, at + 4);
    if (command === "root") break;
    assert.ok(command === "blck" || command === "zero", `${JSON.stringify(command)} at ${at}`);
    const header = take(command === "zero" ? 16 : 21 + digestLength);
    assert.equal(take(4).readUInt32BE(), crc32(header), `the checksum of ${command}`);
    sealed.push(header);
    const position = Number(header.readBigUInt64BE(4));
    const block = header.readUInt32BE(12);
    assert.ok(position >= end, `${position} lies before ${end}`);
    end = position + block;
    const isZero = command === "zero";
    const codec = isZero ? "zeros" : CODECS[header.readUInt8(20)];
    assert.ok(codec !== undefined, "the codec is unknown");
    const payload = take(isZero ? 0 : header.readUInt32BE(16));
    frames.push({ command, position, block, codec, digest: header.subarray(21), payload });
  }
  const root = describe("root");
  assert.equal(root.fields.get(0x8001)?.readBigUInt64BE(), BigInt(frames.length), "the count");
  assert.equal(root.fields.get(0x8002)?.readUInt32BE(), crc32(Buffer.concat(sealed)), "the seal");
  assert.equal(take(4).toString(), "done");
  return { head, frames, root, after: stream.subarray(at) };
}
