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

/** What `retrieve` knows of the source when it is done. Each part may be missing. */
export interface Trailer extends SourceDescription {
  root?: RootDigest | undefined;
}

const TAG = { root: 8 };

/** A `tail` frame. */
export function encodeTrailer({ root, ...source }: Trailer): Uint8Array {
  const fields: Field[] = [...sourceFields(source)];
  if (root !== undefined) fields.push({ tag: TAG.root, value: encodeRootDigest(root) });
  return encodeDescription("tail", fields);
}

/**
 * Bytes in the whole frame that `bytes` begin with, as far as that is known: those of the header while that is incomplete.
 * @param streamOffset bytes from the start of the stream to `bytes`
 * @throws ProtocolError `bad-tail` when it is not a trailer, or too long for one
 */
export function trailerLength(bytes: Uint8Array, streamOffset: number): number {
  const start = startOf(streamOffset);
  if (bytes.length >= DESCRIPTION_HEADER_LENGTH && readCommand(viewOf(bytes), 0) !== start.command)
    throw faulty("bad-tail", start, "What follows `done` is no trailer");
  return descriptionLength(bytes, start, "bad-tail");
}

/**
 * What a whole `tail` frame says. Fields that this reader does not know are skipped, unless they are required.
 * @param streamOffset bytes from the start of the stream to the frame
 * @throws ProtocolError `bad-tail` when it is damaged; `unsupported` when it is of another major version, or says what
 *   this reader does not know and must
 */
export function decodeTrailer(frame: Uint8Array, streamOffset: number): Trailer {
  const trailer: Trailer = {};
  const takeRoot = (value: Uint8Array): boolean => {
    const root = decodeRootDigest(value);
    if (root) trailer.root = root;
    // A root over digests that this reader does not know is as good as none.
    return root !== undefined;
  };
  const known = new Map([...takeSource(trailer), [TAG.root, takeRoot] as const]);
  decodeDescription(frame, startOf(streamOffset), "bad-tail", known);
  return trailer;
}

/** The error for a stream that ended inside the frame that follows `done`. */
export function trailerEnded(rest: Uint8Array, streamOffset: number): ProtocolError {
  const needed = trailerLength(rest, streamOffset);
  return new ProtocolError(
    "truncated-frame",
    streamOffset,
    `Incomplete read of trailer from block input stream, at byte ${streamOffset} (${rest.length} of ${needed} bytes)`,
  );
}

function startOf(offset: number): FrameStart {
  return { stream: "block", command: "tail", offset };
}
