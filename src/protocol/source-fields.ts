import { viewOf } from "./bytes.ts";
import type { TakeValue } from "./description.ts";
import {
  decodeText,
  encodeText,
  type Field,
  joined,
  readU32,
  readU64,
  u32,
  u64,
} from "./fields.ts";

/** A point in time: seconds since 1970, and nanoseconds in that second. */
interface Timestamp {
  seconds: number;
  nanoseconds: number;
}

/** A user or group: its number, and its name if it has one. */
export interface Owner {
  id: number;
  name: string | undefined;
}

/** The attributes of the source. Each part may be missing. */
export interface SourceDescription {
  /** Bytes in the source. */
  size?: number | undefined;
  /** Kind of the source. The mode, owner, group and times of a device belong to its node in /dev, not to its content. */
  kind?: "file" | "device" | undefined;
  /** Permission bits, 0 to 0o7777. */
  mode?: number | undefined;
  /** Time of the last read. */
  accessed?: Timestamp | undefined;
  /** Time of the last write. */
  modified?: Timestamp | undefined;
  owner?: Owner | undefined;
  group?: Owner | undefined;
  /** A lower bound for the bytes of data, holes excluded. */
  data?: number | undefined;
}

const TIMESTAMP_LENGTH = 12;

/** Most bytes of a name. Names on Linux have at most 32 characters (useradd(8)). */
const MAX_NAME_LENGTH = 255;

const TAG = { size: 1, kind: 2, mode: 3, accessed: 4, modified: 5, owner: 6, group: 7, data: 9 };

/** Yields the fields of all that is known. */
export function* sourceFields(source: SourceDescription): Generator<Field> {
  const { size, kind, mode, accessed, modified, owner, group, data } = source;
  if (size !== undefined) yield { tag: TAG.size, value: u64(size) };
  if (kind !== undefined) yield { tag: TAG.kind, value: encodeText(kind) };
  if (mode !== undefined) yield { tag: TAG.mode, value: u32(mode) };
  if (accessed !== undefined) yield { tag: TAG.accessed, value: encodeTimestamp(accessed) };
  if (modified !== undefined) yield { tag: TAG.modified, value: encodeTimestamp(modified) };
  if (owner !== undefined) yield { tag: TAG.owner, value: encodeOwner(owner) };
  if (group !== undefined) yield { tag: TAG.group, value: encodeOwner(group) };
  if (data !== undefined) yield { tag: TAG.data, value: u64(data) };
}

/** Returns, by tag, the functions that store each field in `source`. */
export function takeSource(source: SourceDescription): [number, TakeValue][] {
  return [
    [TAG.size, (value) => (source.size = readU64(value)) !== undefined],
    [TAG.kind, (value) => (source.kind = decodeKind(value)) !== undefined],
    [TAG.mode, (value) => (source.mode = readU32(value, 0o7777)) !== undefined],
    [TAG.accessed, (value) => (source.accessed = decodeTimestamp(value)) !== undefined],
    [TAG.modified, (value) => (source.modified = decodeTimestamp(value)) !== undefined],
    [TAG.owner, (value) => (source.owner = decodeOwner(value)) !== undefined],
    [TAG.group, (value) => (source.group = decodeOwner(value)) !== undefined],
    [TAG.data, (value) => (source.data = readU64(value)) !== undefined],
  ];
}

function decodeKind(value: Uint8Array): "file" | "device" | undefined {
  const kind = decodeText(value);
  return kind === "file" || kind === "device" ? kind : undefined;
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
  // getpwnam(3) would cut the name off at a zero byte and find another user.
  if (name.includes("\0")) return undefined;
  return { id: viewOf(value).getUint32(0), name: name === "" ? undefined : name };
}
