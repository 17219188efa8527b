/** The range of the source that a frame refers to. */
export interface Positions {
  from: number;
  /** End of the range; undefined if the stream does not tell; `Infinity` for the end of the source. */
  to: number | undefined;
}

/** A frame as `inspect` shows it. It may refer to the window, so use it before reading on. */
export interface Frame {
  /** The command; `TRAILING` for bytes that are not a frame. */
  readonly name: string;
  /** Bytes from the start of the stream to the frame. */
  readonly offset: number;
  /** Returns the content for people; empty if the name says it all. */
  readonly text: () => string;
  /** Returns the content for scripts, in the order of output. */
  readonly fields: () => Readonly<Record<string, unknown>>;
  /** The range of the source that it refers to, if any. */
  readonly positions?: Positions;
}

/** The name of bytes after the last frame. */
export const TRAILING = "trailing";

/** Describes the `done` frame. */
export function done(offset: number): Frame {
  return { name: "done", offset, text: () => "", fields: () => ({}) };
}

/** Describes a `mark` frame, which refers to everything before `position`. */
export function markFrame(position: number, offset: number): Frame {
  return {
    name: "mark",
    offset,
    text: () => `all before ${position}`,
    fields: () => ({ position }),
  };
}

/** Encodes bytes in hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

/** Bytes of a digest to show to people. */
const DIGEST_SHOWN = 8;

/** Returns the beginning of a digest, for people. */
export function shortened(digest: Uint8Array): string {
  return `${hex(digest.subarray(0, DIGEST_SHOWN))}...`;
}
