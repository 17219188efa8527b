import type { FrameStart } from "../bytes.ts";
import { type BlockCodec, knownCodecs } from "../codec.ts";
import { decodeDescription, encodeDescription, faulty, type TakeValue } from "../description.ts";
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

/** The first frame of an extended hash stream. */
export interface Hello extends Hashing {
  /**
   * The codecs that the reader of the answer decodes. The hash stream then ends with a seal, and the answer is an extended
   * block stream. Undefined for a hash stream without a seal, whose answer is a legacy block stream.
   */
  accepts?: readonly BlockCodec[] | undefined;
  /** Bytes in the destination. */
  size?: number | undefined;
  /** Identity of the destination, in printable ASCII. */
  identity?: string | undefined;
  /** State of a device, in printable ASCII: it changes with what is written there. */
  state?: string | undefined;
  /** Storage that the destination lies on, in printable ASCII; valid until its host restarts. */
  storage?: string | undefined;
  /** Root digest of the destination, by `digest` and `blockSize`; undefined if it was not known before the first frame. */
  root?: Uint8Array | undefined;
  /** End of what the stream asks for, as an offset; `MAX_POSITION` for all that the source has. Undefined if it is not known. */
  end?: number | undefined;
  /** The reader of the answer writes nothing: the answer is a stream without blocks. */
  dryRun?: boolean | undefined;
  /** The stream may have `mark` frames, which are answered with `mark` frames. */
  marks?: boolean | undefined;
}

/** A hello that has been received. */
export interface ReceivedHello extends Hello {
  /** The version of the stream, as `1.0`. */
  version: string;
}

/** Most bytes of an identity. */
const MAX_IDENTITY_LENGTH = 1024;

/** Most bytes of the state of a device. */
const MAX_STATE_LENGTH = 256;

/** Most bytes of a description of storage. */
const MAX_STORAGE_LENGTH = 2500;

/** Bytes in a root digest. */
const ROOT_LENGTH = 64;

const TAG = {
  digest: REQUIRED | 1,
  blockSize: REQUIRED | 2,
  accepts: REQUIRED | 3,
  size: 4,
  identity: 5,
  root: 6,
  /** Space for a root digest that is not known yet, to overwrite with a `root` field later. */
  reserved: 7,
  storage: 8,
  end: 9,
  dryRun: 10,
  // Required: the writer of the stream waits for the marks in the answer.
  marks: REQUIRED | 11,
  state: 12,
};

/**
 * Encodes a `helo` frame.
 * @param options `reserveRoot`: if the root digest is missing, reserve space for it, so that the frame is as long as with it
 */
export function encodeHello(
  hello: Hello,
  { reserveRoot }: { reserveRoot: boolean } = { reserveRoot: false },
): Uint8Array {
  const { digest, blockSize, accepts, size, identity, state, storage, root, end, dryRun, marks } =
    hello;
  const fields: Field[] = [
    { tag: TAG.digest, value: encodeText(digest) },
    { tag: TAG.blockSize, value: u32(blockSize) },
  ];
  if (accepts !== undefined)
    fields.push({ tag: TAG.accepts, value: encodeText(accepts.join(" ")) });
  if (size !== undefined) fields.push({ tag: TAG.size, value: u64(size) });
  if (identity !== undefined) fields.push({ tag: TAG.identity, value: encodeText(identity) });
  if (state !== undefined) fields.push({ tag: TAG.state, value: encodeText(state) });
  if (storage !== undefined) fields.push({ tag: TAG.storage, value: encodeText(storage) });
  if (end !== undefined) fields.push({ tag: TAG.end, value: u64(end) });
  if (dryRun === true) fields.push({ tag: TAG.dryRun, value: new Uint8Array(0) });
  if (marks === true) fields.push({ tag: TAG.marks, value: new Uint8Array(0) });
  if (root !== undefined) fields.push({ tag: TAG.root, value: root });
  else if (reserveRoot) fields.push({ tag: TAG.reserved, value: new Uint8Array(ROOT_LENGTH) });
  return encodeDescription("helo", fields);
}

/**
 * Decodes a whole `helo` frame. Skips unknown fields, unless they are required.
 * @throws ProtocolError `unsupported` for another major version, or a required field that is unknown here; `bad-hello` if it
 *   is damaged
 */
export function decodeHello(frame: Uint8Array, start: FrameStart): ReceivedHello {
  let digest: DigestName | undefined;
  let blockSize: number | undefined;
  const hello: Omit<Hello, keyof Hashing> = {};
  const version = decodeDescription(
    frame,
    start,
    "bad-hello",
    new Map<number, TakeValue>([
      [
        TAG.digest,
        (value) => {
          digest = decodeDigest(value, start);
          return true;
        },
      ],
      [TAG.blockSize, (value) => (blockSize = readBlockSize(value)) !== undefined],
      ...takeGreeting(hello),
    ]),
  );
  if (digest === undefined) throw faulty("bad-hello", start, "a `helo` frame names no digest");
  return { ...hello, digest, blockSize: blockSize ?? DEFAULT_BLOCK_SIZE, version };
}

/** Returns, by tag, the functions that store each optional field in `hello`. */
function takeGreeting(hello: Omit<Hello, keyof Hashing>): [number, TakeValue][] {
  return [
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
    [TAG.state, (value) => (hello.state = decodePrintable(value, MAX_STATE_LENGTH)) !== undefined],
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
    [TAG.end, (value) => (hello.end = readU64(value)) !== undefined],
    [TAG.dryRun, (value) => (hello.dryRun = value.length === 0)],
    [TAG.marks, (value) => (hello.marks = value.length === 0)],
  ];
}

function decodePrintable(value: Uint8Array, most: number): string | undefined {
  const text = decodeText(value);
  return value.length <= most && /^[ -~]*$/.test(text) ? text : undefined;
}
