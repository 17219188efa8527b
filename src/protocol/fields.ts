import { viewOf } from "./bytes.ts";
import { isBlockSize, MAX_FRAME_LENGTH } from "./limits.ts";

/** The bit of a tag that forbids readers to skip the field if they do not know it. */
export const REQUIRED = 0x8000;

/** A field of a frame: its tag (2 bytes), the length of its value (2 bytes), its value. */
export interface Field {
  /** Number of the field, with the bit `REQUIRED` set or clear. */
  tag: number;
  /** At most 65535 bytes. */
  value: Uint8Array;
}

const HEADER_LENGTH = 4;

/** Encodes fields one after another. */
export function encodeFields(fields: readonly Field[]): Uint8Array {
  return joined(
    ...fields.flatMap(({ tag, value }) => [joined(u16(tag), u16(value.length)), value]),
  );
}

/**
 * Yields the fields that `bytes` consist of; undefined at the end if the last one is incomplete.
 */
export function* decodeFields(bytes: Uint8Array): Generator<Field | undefined> {
  const view = viewOf(bytes);
  let at = 0;
  while (at < bytes.length) {
    const valueAt = at + HEADER_LENGTH;
    const end = valueAt <= bytes.length ? valueAt + view.getUint16(at + 2) : Infinity;
    if (end > bytes.length) {
      yield undefined;
      return;
    }
    yield { tag: view.getUint16(at), value: bytes.subarray(valueAt, end) };
    at = end;
  }
}

/** Encodes ASCII text. */
export function encodeText(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Decodes a value as Latin-1. */
export function decodeText(value: Uint8Array): string {
  return String.fromCharCode(...value);
}

/** Encodes a number in 2 bytes. */
function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  viewOf(bytes).setUint16(0, value);
  return bytes;
}

/** Encodes a number in 4 bytes. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value);
  return bytes;
}

/** Encodes a number in 8 bytes. */
export function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, BigInt(value));
  return bytes;
}

/** Decodes a number of 4 bytes; undefined if the value has another length or is more than `most`. */
export function readU32(value: Uint8Array, most: number): number | undefined {
  if (value.length !== 4) return undefined;
  const number = viewOf(value).getUint32(0);
  return number <= most ? number : undefined;
}

/** Decodes a block size; undefined if it is not allowed. */
export function readBlockSize(value: Uint8Array): number | undefined {
  const size = readU32(value, MAX_FRAME_LENGTH);
  return size !== undefined && isBlockSize(size) ? size : undefined;
}

/** Decodes a number of 8 bytes; undefined if the value has another length or is more than 2^53-1. */
export function readU64(value: Uint8Array): number | undefined {
  if (value.length !== 8) return undefined;
  const number = viewOf(value).getBigUint64(0);
  return number <= Number.MAX_SAFE_INTEGER ? Number(number) : undefined;
}

/** Concatenates `parts`. */
export function joined(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
