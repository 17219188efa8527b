import { type FrameStart, viewOf } from "../bytes.ts";
import { decodeDescription, encodeDescription, faulty } from "../description.ts";
import type { DigestName, Hashing } from "../digest.ts";
import {
  encodeText,
  type Field,
  joined,
  readBlockSize,
  readU64,
  REQUIRED,
  u32,
  u64,
} from "../fields.ts";
import { MAX_POSITION } from "../limits.ts";
import { decodeDigest } from "../named-digest.ts";
import { type SourceDescription, sourceFields, takeSource } from "../source-fields.ts";

/** The content that the destination must have before the blocks are written. */
export interface Base {
  /** Size in bytes. */
  size: number;
  /** Root digest, by the algorithm and block size of the stream; 64 bytes. */
  root: Uint8Array;
}

/** The first frame of an extended block stream. */
export interface Head extends Hashing {
  /** The source when `retrieve` opened it. */
  source: SourceDescription;
  /** The delta base; undefined if it was not known before the first block was sent. */
  base?: Base | undefined;
  /** End of what the stream may contain, as an offset; undefined if the hash stream did not name it. */
  end?: number | undefined;
}

const BASE_LENGTH = 8 + 64;

/** Tags after those of `source-fields.ts`. */
const TAG = { digest: REQUIRED | 16, blockSize: REQUIRED | 17, base: REQUIRED | 18, end: 19 };

/** Encodes a `head` frame. */
export function encodeHead({ digest, blockSize, source, base, end }: Head): Uint8Array {
  const fields: Field[] = [
    { tag: TAG.digest, value: encodeText(digest) },
    { tag: TAG.blockSize, value: u32(blockSize) },
    ...sourceFields(source),
  ];
  if (base !== undefined) fields.push({ tag: TAG.base, value: joined(u64(base.size), base.root) });
  if (end !== undefined) fields.push({ tag: TAG.end, value: u64(end) });
  return encodeDescription("head", fields);
}

/**
 * Decodes a whole `head` frame.
 * @throws ProtocolError `damaged`; `unsupported` for another major version, or a required field that is unknown here
 */
export function decodeHead(frame: Uint8Array, start: FrameStart): Head & { version: string } {
  const source: SourceDescription = {};
  let digest: DigestName | undefined;
  let blockSize: number | undefined;
  let base: Base | undefined;
  let end: number | undefined;
  const version = decodeDescription(
    frame,
    start,
    "damaged",
    new Map([
      ...takeSource(source),
      [
        TAG.digest,
        (value) => {
          digest = decodeDigest(value, start);
          return true;
        },
      ],
      [TAG.blockSize, (value) => (blockSize = readBlockSize(value)) !== undefined],
      [TAG.base, (value) => (base = decodeBase(value)) !== undefined],
      [TAG.end, (value) => (end = readU64(value)) !== undefined],
    ]),
  );
  if (digest === undefined || blockSize === undefined)
    throw faulty("damaged", start, "a `head` frame lacks the digest or the size of the blocks");
  return { digest, blockSize, source, base, end, version };
}

function decodeBase(value: Uint8Array): Base | undefined {
  if (value.length !== BASE_LENGTH) return undefined;
  const size = viewOf(value).getBigUint64(0);
  return size > MAX_POSITION
    ? undefined
    : { size: Number(size), root: new Uint8Array(value.subarray(8)) };
}
