/** The positions that a frame is about, in bytes. */
export interface Positions {
  from: number;
  /** Where they end: undefined when the stream does not tell, `Infinity` for the end of the source, wherever that is. */
  to: number | undefined;
}

/** What `inspect` shows of a frame. It may look into the window: to be used before the next frames are asked for. */
export interface Frame {
  /** Its command; `TRAILING` for what is no frame. */
  readonly name: string;
  /** Bytes from the start of the stream to the frame. */
  readonly offset: number;
  /** What it says, for people; empty when its name says it all. */
  readonly text: () => string;
  /** What it says, for scripts, in the order in which it is written. */
  readonly fields: () => Readonly<Record<string, unknown>>;
  /** What it is about, unless that is no part of the source. */
  readonly positions?: Positions;
}

/** The name of what is behind the last frame. */
export const TRAILING = "trailing";

/** The last frame of a stream up to its trailer. */
export function done(offset: number): Frame {
  return { name: "done", offset, text: () => "", fields: () => ({}) };
}

/** Bytes in hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

/** Bytes of a digest that tell two apart. */
const DIGEST_SHOWN = 8;

/** The beginning of a digest, for people. */
export function shortened(digest: Uint8Array): string {
  return `${hex(digest.subarray(0, DIGEST_SHOWN))}...`;
}
