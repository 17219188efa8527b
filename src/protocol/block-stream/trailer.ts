import { type FrameStart, readCommand, viewOf } from "../bytes.ts";
import {
  decodeDescription,
  DESCRIPTION_HEADER_LENGTH,
  descriptionLength,
  encodeDescription,
  faulty,
} from "../description.ts";
import { ProtocolError } from "../error.ts";
import type { Field } from "../fields.ts";
import { decodeRootDigest, encodeRootDigest, type RootDigest } from "../root-digest.ts";
import { type SourceDescription, sourceFields, takeSource } from "../source-fields.ts";

/** The source after it has been read. Each part may be missing. */
export interface Trailer extends SourceDescription {
  root?: RootDigest | undefined;
}

const TAG = { root: 8 };

/** Encodes a `tail` frame. */
export function encodeTrailer({ root, ...source }: Trailer): Uint8Array {
  const fields: Field[] = [...sourceFields(source)];
  if (root !== undefined) fields.push({ tag: TAG.root, value: encodeRootDigest(root) });
  return encodeDescription("tail", fields);
}

/**
 * Returns the length of the whole frame that `bytes` begin with; while its header is incomplete, that of the header.
 * @param streamOffset bytes from the start of the stream to `bytes`
 * @throws ProtocolError `bad-tail` if it is not a trailer, or too long for one
 */
export function trailerLength(bytes: Uint8Array, streamOffset: number): number {
  const start = startOf(streamOffset);
  if (bytes.length >= DESCRIPTION_HEADER_LENGTH && readCommand(viewOf(bytes), 0) !== start.command)
    throw faulty("bad-tail", start, "the bytes after `done` are not a trailer");
  return descriptionLength(bytes, start, "bad-tail");
}

/**
 * Decodes a whole `tail` frame. Skips unknown fields, unless they are required.
 * @param streamOffset bytes from the start of the stream to the frame
 * @throws ProtocolError `bad-tail` if it is damaged; `unsupported` for another major version, or a required field that is
 *   unknown here
 */
export function decodeTrailer(frame: Uint8Array, streamOffset: number): Trailer {
  const trailer: Trailer = {};
  const takeRoot = (value: Uint8Array): boolean => {
    const root = decodeRootDigest(value);
    if (root) trailer.root = root;
    // A root over digests by an unknown algorithm cannot be compared: treat it as missing.
    return root !== undefined;
  };
  const known = new Map([...takeSource(trailer), [TAG.root, takeRoot] as const]);
  decodeDescription(frame, startOf(streamOffset), "bad-tail", known);
  return trailer;
}

/** Returns the error for a stream that ended inside the trailer. */
export function trailerEnded(rest: Uint8Array, streamOffset: number): ProtocolError {
  const needed = trailerLength(rest, streamOffset);
  return new ProtocolError(
    "truncated-frame",
    streamOffset,
    `incomplete read of trailer from block input stream, at byte ${streamOffset} (${rest.length} of ${needed} bytes)`,
  );
}

function startOf(offset: number): FrameStart {
  return { stream: "block", command: "tail", offset };
}
