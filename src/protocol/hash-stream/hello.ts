import type { FrameStart } from "../bytes.ts";
import { type BlockCodec, knownCodecs } from "../codec.ts";
import { decodeDescription, encodeDescription, faulty } from "../description.ts";
import type { DigestName, Hashing } from "../digest.ts";
import {
  decodeText,
  encodeText,
  type Field,
  readBlockSize,
  readU64,
  REQUIRED,
  u32,
  u64,
} from "../fields.ts";
import { DEFAULT_BLOCK_SIZE } from "../limits.ts";
import { decodeDigest } from "../named-digest.ts";

/** What an extended hash stream says of itself before its first frame. */
export interface Hello extends Hashing {
  /**
   * The codecs that whoever reads the answer can decode. The hash stream is then sealed, and answered with an extended
   * block stream; undefined for one that ends in `done` alone, and is answered with blockcopy 0.0.2's.
   */
  accepts?: readonly BlockCodec[] | undefined;
  /** Bytes in the destination. */
  size?: number | undefined;
  /** Which file or device the destination is, in printable ASCII. */
  identity?: string | undefined;
  /** The storage that the destination lies on, in printable ASCII; valid until its host is started again. */
  storage?: string | undefined;
  /** The root of the destination, over blocks of `blockSize` with `digest`, where that was known before the stream was read. */
  root?: Uint8Array | undefined;
}

/** What a `helo` frame that was received says. */
export interface ReceivedHello extends Hello {
  /** The version of the stream, as `1.0`. */
  version: string;
}

/** Most bytes of an identity. */
const MAX_IDENTITY_LENGTH = 1024;

/** Most bytes of a description of storage. */
const MAX_STORAGE_LENGTH = 2500;

/** Bytes in a root. */
const ROOT_LENGTH = 64;

const TAG = {
  digest: REQUIRED | 1,
  blockSize: REQUIRED | 2,
  accepts: REQUIRED | 3,
  size: 4,
  identity: 5,
  root: 6,
  /** Room for a root that is not known yet, so that it can be written there later. */
  room: 7,
  storage: 8,
};

/**
 * A `helo` frame.
 * @param room whether there is to be room for a root where there is none: that with a root is then as long
 */
export function encodeHello(hello: Hello, room = false): Uint8Array {
  const { digest, blockSize, accepts, size, identity, storage, root } = hello;
  const fields: Field[] = [
    { tag: TAG.digest, value: encodeText(digest) },
    { tag: TAG.blockSize, value: u32(blockSize) },
  ];
  if (accepts !== undefined)
    fields.push({ tag: TAG.accepts, value: encodeText(accepts.join(" ")) });
  if (size !== undefined) fields.push({ tag: TAG.size, value: u64(size) });
  if (identity !== undefined) fields.push({ tag: TAG.identity, value: encodeText(identity) });
  if (storage !== undefined) fields.push({ tag: TAG.storage, value: encodeText(storage) });
  if (root !== undefined) fields.push({ tag: TAG.root, value: root });
  else if (room) fields.push({ tag: TAG.room, value: new Uint8Array(ROOT_LENGTH) });
  return encodeDescription("helo", fields);
}

/**
 * What a whole `helo` frame says. Fields that this reader does not know are skipped, unless they are required.
 * @throws ProtocolError `unsupported` when it is of another major version, or says what this reader does not know and
 *   must; `bad-hello` when it is not a hello at all
 */
export function decodeHello(frame: Uint8Array, start: FrameStart): ReceivedHello {
  let digest: DigestName | undefined;
  let blockSize: number | undefined;
  const hello: Omit<Hello, keyof Hashing> = {};
  const version = decodeDescription(
    frame,
    start,
    "bad-hello",
    new Map<number, (value: Uint8Array) => boolean>([
      [
        TAG.digest,
        (value) => {
          digest = decodeDigest(value, start);
          return true;
        },
      ],
      [TAG.blockSize, (value) => (blockSize = readBlockSize(value)) !== undefined],
      [
        TAG.accepts,
        (value) => {
          hello.accepts = knownCodecs(decodeText(value));
          return true;
        },
      ],
      [TAG.size, (value) => (hello.size = readU64(value)) !== undefined],
      [
        TAG.identity,
        (value) => (hello.identity = decodePrintable(value, MAX_IDENTITY_LENGTH)) !== undefined,
      ],
      [
        TAG.storage,
        (value) => (hello.storage = decodePrintable(value, MAX_STORAGE_LENGTH)) !== undefined,
      ],
      [
        TAG.root,
        (value) => {
          hello.root = new Uint8Array(value);
          return value.length === ROOT_LENGTH;
        },
      ],
    ]),
  );
  if (digest === undefined) throw faulty("bad-hello", start, "A `helo` frame names no digest");
  return { ...hello, digest, blockSize: blockSize ?? DEFAULT_BLOCK_SIZE, version };
}

function decodePrintable(value: Uint8Array, most: number): string | undefined {
  const text = decodeText(value);
  return value.length <= most && /^[ -~]*$/.test(text) ? text : undefined;
}
