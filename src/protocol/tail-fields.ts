import { viewOf } from "./bytes.ts";
import { DIGEST_NAMES, type DigestName } from "./digest.ts";
import { decodeText, encodeText, REQUIRED, type Field } from "./fields.ts";
import { MAX_FRAME_LENGTH, MAX_POSITION } from "./limits.ts";

/** A point in time: seconds since 1970, and nanoseconds within the second. */
interface Timestamp {
  seconds: number;
  nanoseconds: number;
}

/** A user or group: its number, and its name where it has one. */
export interface Owner {
  id: number;
  name: string | undefined;
}

/** The root digest of a source: what all of its content is proved by. */
export interface RootDigest {
  /** The algorithm of the blocks' digests. */
  digest: DigestName;
  /** Bytes in a block. */
  blockSize: number;
  /** The root itself, 64 bytes. */
  root: Uint8Array;
}

/** What `retrieve` knows of the source when it is done. Each part may be missing. */
export interface Tail {
  /** Bytes in the source. */
  size?: number | undefined;
  /** Whether the source is a file or a device, whose mode, owner, group and times say nothing of its content. */
  kind?: "file" | "device" | undefined;
  /** Permission bits, 0 to 0o7777. */
  mode?: number | undefined;
  /** When it was last read. */
  accessed?: Timestamp | undefined;
  /** When it was last written. */
  modified?: Timestamp | undefined;
  owner?: Owner | undefined;
  group?: Owner | undefined;
  root?: RootDigest | undefined;
}

const ROOT_LENGTH = 64;
const TIMESTAMP_LENGTH = 12;

/** Names of users and groups are cut off by no system that we know, and have 32 characters. */
const MAX_NAME_LENGTH = 255;

const TAG = { size: 1, kind: 2, mode: 3, accessed: 4, modified: 5, owner: 6, group: 7, root: 8 };

/** The fields of what is known. */
export function* fieldsOf(tail: Tail): Generator<Field> {
  const { size, kind, mode, accessed, modified, owner, group, root } = tail;
  if (size !== undefined) yield { tag: TAG.size, value: u64(size) };
  if (kind !== undefined) yield { tag: TAG.kind, value: encodeText(kind) };
  if (mode !== undefined) yield { tag: TAG.mode, value: u32(mode) };
  if (accessed !== undefined) yield { tag: TAG.accessed, value: encodeTimestamp(accessed) };
  if (modified !== undefined) yield { tag: TAG.modified, value: encodeTimestamp(modified) };
  if (owner !== undefined) yield { tag: TAG.owner, value: encodeOwner(owner) };
  if (group !== undefined) yield { tag: TAG.group, value: encodeOwner(group) };
  if (root !== undefined)
    yield {
      tag: TAG.root,
      value: joined(u32(root.blockSize), root.root, encodeText(root.digest)),
    };
}

/**
 * Puts what a field says into `tail`.
 * @returns false when it says what cannot be, or must be known and is not
 */
export function take(tail: Tail, { tag, value }: Field): boolean {
  switch (tag) {
    case TAG.size: {
      const size = value.length === 8 ? viewOf(value).getBigUint64(0) : undefined;
      if (size === undefined || size > MAX_POSITION) return false;
      tail.size = Number(size);
      return true;
    }
    case TAG.kind: {
      const kind = decodeText(value);
      if (kind !== "file" && kind !== "device") return false;
      tail.kind = kind;
      return true;
    }
    case TAG.mode: {
      const mode = value.length === 4 ? viewOf(value).getUint32(0) : Infinity;
      if (mode > 0o7777) return false;
      tail.mode = mode;
      return true;
    }
    case TAG.accessed:
      return (tail.accessed = decodeTimestamp(value)) !== undefined;
    case TAG.modified:
      return (tail.modified = decodeTimestamp(value)) !== undefined;
    case TAG.owner:
      return (tail.owner = decodeOwner(value)) !== undefined;
    case TAG.group:
      return (tail.group = decodeOwner(value)) !== undefined;
    case TAG.root:
      return takeRoot(tail, value);
    default:
      return (tag & REQUIRED) === 0;
  }
}

/** A root over digests of an algorithm that this reader does not know is as good as none. */
function takeRoot(tail: Tail, value: Uint8Array): boolean {
  if (value.length <= 4 + ROOT_LENGTH) return false;
  const blockSize = viewOf(value).getUint32(0);
  if (blockSize === 0 || blockSize > MAX_FRAME_LENGTH) return false;
  const name = decodeText(value.subarray(4 + ROOT_LENGTH));
  const digest = DIGEST_NAMES.find((known) => known === name);
  if (digest !== undefined)
    tail.root = { digest, blockSize, root: value.slice(4, 4 + ROOT_LENGTH) };
  return true;
}

function encodeTimestamp({ seconds, nanoseconds }: Timestamp): Uint8Array {
  const bytes = new Uint8Array(TIMESTAMP_LENGTH);
  viewOf(bytes).setBigInt64(0, BigInt(seconds));
  viewOf(bytes).setUint32(8, nanoseconds);
  return bytes;
}

function decodeTimestamp(value: Uint8Array): Timestamp | undefined {
  if (value.length !== TIMESTAMP_LENGTH) return undefined;
  const seconds = Number(viewOf(value).getBigInt64(0));
  const nanoseconds = viewOf(value).getUint32(8);
  return Number.isSafeInteger(seconds) && nanoseconds < 1e9 ? { seconds, nanoseconds } : undefined;
}

function encodeOwner({ id, name = "" }: Owner): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  return joined(u32(id), bytes.length <= MAX_NAME_LENGTH ? bytes : new Uint8Array(0));
}

function decodeOwner(value: Uint8Array): Owner | undefined {
  if (value.length < 4 || value.length > 4 + MAX_NAME_LENGTH) return undefined;
  const name = new TextDecoder().decode(value.subarray(4));
  // A name with a zero byte in it would be cut off there by whoever looks it up.
  if (name.includes("\0")) return undefined;
  return { id: viewOf(value).getUint32(0), name: name === "" ? undefined : name };
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value);
  return bytes;
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, BigInt(value));
  return bytes;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
