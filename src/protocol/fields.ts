import { viewOf, type FrameStart } from "./bytes.ts";
import type { ProtocolError } from "./error.ts";

/** Set in the tag of a field that cannot be skipped by a reader that does not know it. */
export const REQUIRED = 0x8000;

/** A field of a frame that describes something: its tag (2 bytes), the length of its value (2 bytes), its value. */
export interface Field {
  /** What it is; with `REQUIRED`, whether it may be skipped. */
  tag: number;
  /** At most 65535 bytes. */
  value: Uint8Array;
}

const HEADER_LENGTH = 4;

/** Fields, one after the other. */
export function encodeFields(fields: readonly Field[]): Uint8Array {
  const length = fields.reduce((sum, { value }) => sum + HEADER_LENGTH + value.length, 0);
  const bytes = new Uint8Array(length);
  const view = viewOf(bytes);
  let at = 0;
  for (const { tag, value } of fields) {
    view.setUint16(at, tag);
    view.setUint16(at + 2, value.length);
    bytes.set(value, at + HEADER_LENGTH);
    at += HEADER_LENGTH + value.length;
  }
  return bytes;
}

/**
 * The fields that `bytes` consist of.
 * @param damaged the error for one that reaches beyond the end, in words and with the frame that they are of
 */
export function* decodeFields(
  bytes: Uint8Array,
  start: FrameStart,
  damaged: (start: FrameStart, what: string) => ProtocolError,
): Generator<Field> {
  const view = viewOf(bytes);
  let at = 0;
  while (at < bytes.length) {
    const valueAt = at + HEADER_LENGTH;
    const end = valueAt <= bytes.length ? valueAt + view.getUint16(at + 2) : Infinity;
    if (end > bytes.length)
      throw damaged(start, `A field of a \`${start.command}\` frame reaches beyond its end`);
    yield { tag: view.getUint16(at), value: bytes.subarray(valueAt, end) };
    at = end;
  }
}

/** ASCII text as the value of a field. */
export function encodeText(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The value of a field as text, each byte one character. */
export function decodeText(value: Uint8Array): string {
  return String.fromCharCode(...value);
}
