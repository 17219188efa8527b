// Frames of the extended streams, written and read in the plainest way: the tests' own opinion of what the bytes mean.
import { crc32 } from "./crc32.ts";
import { execFileSync } from "node:child_process";
import { descriptionFrame, readDescription as readAny, withCrc } from "./description-frames.ts";
import { BLOCK } from "../files/files.ts";
import { DIGEST_TAG, helloField, helloFrame, type Digest } from "./frames.ts";

/** The codecs of payloads; the place in the list is the number. */
export const CODECS = ["raw", "xz", "zstd", "lz4"] as const;

/** One of them. */
export type Codec = (typeof CODECS)[number];

/** The tags of the fields of the frames that describe something. */
export const FIELD = {
  hello: { blockSize: 0x8002, accepts: 0x8003, size: 4, identity: 5, root: 6, room: 7, end: 9 },
  head: { size: 1, digest: 0x8010, blockSize: 0x8011, base: 0x8012 },
  root: { frames: 0x8001, crc: 0x8002, root: 3 },
} as const;

/** Big-endian numbers, each of as many bytes as it says. */
function numbers(...values: readonly (readonly [value: number, bytes: 1 | 4 | 8])[]): Buffer {
  return Buffer.concat(
    values.map(([value, bytes]) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigUInt64BE(BigInt(value));
      return buffer.subarray(8 - bytes);
    }),
  );
}

/** The fields of a frame that describes something, by their tags; throws when it is damaged. */
export function readDescription(frame: Buffer): Map<number, Buffer> {
  const { sound, fields } = readAny(frame.toString("latin1", 0, 4), frame);
  if (!sound) throw new Error("a damaged frame");
  return fields;
}

/** The part of a record that the seal covers: its header without the header's checksum. */
function covered(header: Buffer): Buffer {
  return header.subarray(0, -4);
}

/** The first frame of a stream, which describes it. */
export function firstFrame(stream: Buffer): Buffer {
  return stream.subarray(0, 8 + stream.readUInt32BE(4));
}

/** The `helo` frame that `checksum --extended` writes, which asks for an extended answer. */
export function asking(
  digest: string,
  options: { blockSize?: number; accepts?: string; end?: number | undefined } = {},
): Buffer {
  const { blockSize = BLOCK, accepts = CODECS.join(" "), end } = options;
  return helloFrame([
    helloField(DIGEST_TAG, digest),
    helloField(FIELD.hello.blockSize, numbers([blockSize, 4])),
    helloField(FIELD.hello.accepts, accepts),
    ...(end === undefined ? [] : [helloField(FIELD.hello.end, numbers([end, 8]))]),
  ]);
}

/** A `root` frame whose seal covers `parts`, with a root digest (in hexadecimal) if one is given. */
function sealFrame(
  parts: readonly Buffer[],
  root?: { hex: string; digest: string; blockSize?: number },
): Buffer {
  const proof = root && [
    numbers([root.blockSize ?? BLOCK, 4]),
    Buffer.from(root.hex, "hex"),
    Buffer.from(root.digest),
  ];
  return descriptionFrame("root", [
    helloField(FIELD.root.frames, numbers([parts.length, 8])),
    helloField(FIELD.root.crc, numbers([crc32(Buffer.concat(parts)), 4])),
    ...(proof === undefined ? [] : [helloField(FIELD.root.root, Buffer.concat(proof))]),
  ]);
}

/** The `Hash` and `rest` frames that a hash stream without its hello begins with. */
function hashFrames(stream: Buffer, digestLength: number): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0, length = 0; ; at += length) {
    const command = stream.toString("latin1", at, at + 4);
    if (command !== "Hash" && command !== "rest") return frames;
    length = command === "Hash" ? 16 + digestLength : 12;
    frames.push(stream.subarray(at, at + length));
  }
}

/** An extended hash stream, with SHA3-512, without what makes it one; throws when it is not sealed. */
export function plainOf(stream: Buffer): Buffer {
  const greeting = firstFrame(stream);
  if (greeting.toString("latin1", 0, 4) !== "helo") throw new Error("no hello");
  const frames = hashFrames(stream.subarray(greeting.length), 64);
  const plain = Buffer.concat(frames);
  const after = stream.subarray(greeting.length + plain.length);
  const seal = firstFrame(after);
  const fields = readDescription(seal);
  const count = fields.get(FIELD.root.frames)?.readBigUInt64BE();
  if (count !== BigInt(frames.length)) throw new Error("the seal is broken");
  return Buffer.concat([plain, after.subarray(seal.length)]);
}

/** A plain hash stream as `checksum --extended` writes it. */
export function sealed(
  greeting: Buffer,
  plain: Buffer,
  digestLength: number,
  root?: { hex: string; digest: string; blockSize?: number },
): Buffer {
  const frames = hashFrames(plain, digestLength);
  return Buffer.concat([greeting, ...frames, sealFrame(frames, root), Buffer.from("done")]);
}

/** A `head` frame. */
export function headFrame(digest: string, blockSize = BLOCK, more: readonly Buffer[] = []): Buffer {
  return descriptionFrame("head", [
    helloField(FIELD.head.digest, digest),
    helloField(FIELD.head.blockSize, numbers([blockSize, 4])),
    ...more,
  ]);
}

/** The field of a `head` frame that names the size of the source. */
export function sizeField(size: number): Buffer {
  return helloField(FIELD.head.size, numbers([size, 8]));
}

/** A block of an extended block stream; `codec` and `payload` are undefined for a run of zeros. */
export interface BlockRecord {
  position: number;
  /** Bytes in the block. */
  block: number;
  codec?: Codec;
  payload?: Buffer;
  digest?: Buffer;
}

/** The header of a record, which is all of a run of zeros. */
export function recordHeader({ position, block, codec, payload, digest }: BlockRecord): Buffer {
  if (codec === undefined || payload === undefined || digest === undefined)
    return withCrc(Buffer.concat([Buffer.from("zero"), numbers([position, 8], [block, 4])]));
  const fields = numbers(
    [position, 8],
    [block, 4],
    [payload.length, 4],
    [CODECS.indexOf(codec), 1],
  );
  return withCrc(Buffer.concat([Buffer.from("blck"), fields, digest]));
}

/** A record of `bytes`, coded by the program of that name. */
export function coded(position: number, bytes: Buffer, codec: Codec, digest: Digest): BlockRecord {
  const payload = codec === "raw" ? bytes : compress(codec, bytes);
  return { position, block: bytes.length, codec, payload, digest: digest(bytes) };
}

function compress(codec: "xz" | "zstd" | "lz4", bytes: Buffer): Buffer {
  const options = {
    xz: ["--stdout"],
    // `--stream-size` makes it say the size of the content.
    zstd: ["-q", "--stdout", "--no-check", `--stream-size=${bytes.length}`],
    lz4: ["-q", "--stdout", "-B7", "--no-frame-crc"],
  }[codec];
  const made = execFileSync(codec, options, { input: bytes, maxBuffer: 1 << 26 });
  if (codec !== "lz4") return made;
  // The program writes frames. The first block follows a header of 7 bytes and its length.
  const length = made.readUInt32LE(7);
  if (length >= made.length) throw new Error("lz4 left the block as it is");
  return made.subarray(11, 11 + length);
}

/** An extended block stream of any records. */
export function blockStream(head: Buffer, records: readonly BlockRecord[], root?: string): Buffer {
  const headers = records.map(recordHeader);
  const frames = records.flatMap(({ payload }, index) => [
    headers[index] ?? Buffer.alloc(0),
    payload ?? Buffer.alloc(0),
  ]);
  const seal = sealFrame(
    headers.map(covered),
    root === undefined ? undefined : { hex: root, digest: "sha3-512" },
  );
  return Buffer.concat([head, ...frames, seal, Buffer.from("done")]);
}

/** A record as it lies in a stream. */
export interface FoundRecord extends BlockRecord {
  /** Offsets in the stream at which it begins, its header ends, and it ends. */
  at: number;
  headerEnd: number;
  end: number;
}

/** An extended block stream, taken apart; throws when any checksum, count or length in it is wrong. */
export function readBlockStream(stream: Buffer): {
  head: Map<number, Buffer>;
  records: FoundRecord[];
  root: Map<number, Buffer>;
} {
  const first = firstFrame(stream);
  if (first.toString("latin1", 0, 4) !== "head") throw new Error("no `head` at the beginning");
  const head = readDescription(first);
  const digestLength = head.get(FIELD.head.digest)?.toString() === "blake3" ? 32 : 64;
  const records: FoundRecord[] = [];
  let at = first.length;
  let end = 0;
  for (; stream.toString("latin1", at, at + 4) !== "root"; at = records.at(-1)?.end ?? at) {
    const command = stream.toString("latin1", at, at + 4);
    const headerEnd = at + (command === "blck" ? 25 + digestLength : 20);
    const header = stream.subarray(at, headerEnd);
    if (command !== "blck" && command !== "zero") throw new Error(`unknown command ${command}`);
    if (crc32(header.subarray(0, -4)) !== header.readUInt32BE(header.length - 4))
      throw new Error(`a damaged header at ${at}`);
    const position = Number(header.readBigUInt64BE(4));
    const block = header.readUInt32BE(12);
    if (position < end || block === 0) throw new Error(`a block of ${block} at ${position}`);
    end = position + block;
    if (command === "zero") {
      records.push({ position, block, at, headerEnd, end: headerEnd });
      continue;
    }
    const payload = stream.subarray(headerEnd, headerEnd + header.readUInt32BE(16));
    const codec = CODECS[header.readUInt8(20)];
    if (codec === undefined) throw new Error("an unknown codec");
    const digest = header.subarray(21, -4);
    records.push({
      position,
      block,
      codec,
      payload,
      digest,
      at,
      headerEnd,
      end: headerEnd + payload.length,
    });
  }
  const seal = stream.subarray(at, at + 8 + stream.readUInt32BE(at + 4));
  const root = readDescription(seal);
  const parts = records.map(({ at: from, headerEnd }) => covered(stream.subarray(from, headerEnd)));
  const crc = root.get(FIELD.root.crc)?.readUInt32BE();
  const count = root.get(FIELD.root.frames)?.readBigUInt64BE();
  if (crc !== crc32(Buffer.concat(parts)) || count !== BigInt(records.length))
    throw new Error("the seal is broken");
  if (stream.toString("latin1", at + seal.length) !== "done")
    throw new Error("no `done` at the end");
  return { head, records, root };
}
