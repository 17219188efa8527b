// The trailer after `done`, decoded without the code in src, as docs/protocol.md describes it.
import {
  type Description,
  descriptionFrame,
  field,
  readDescription,
} from "./description-frames.ts";

/** The tags of its fields. */
export const TAG = {
  size: 1,
  kind: 2,
  mode: 3,
  accessed: 4,
  modified: 5,
  owner: 6,
  group: 7,
  root: 8,
} as const;

/** A block stream up to `done`, which is all that blockcopy 0.0.2 reads of it. */
export function untilDone(stream: Buffer): Buffer {
  return stream.subarray(0, stream.length - afterDone(stream).length);
}

/** The trailer that follows `done` in a block stream. */
export function afterDone(stream: Buffer): Buffer {
  let at = 0;
  while (stream.toString("latin1", at, at + 4) !== "done") {
    if (at + 16 > stream.length) throw new Error("the stream has no `done`");
    at += 16 + stream.readUInt32BE(at + 12);
  }
  return stream.subarray(at + 4);
}

/** The fields of a `tail` frame by their tags, its version and whether its checksum is right. */
export function readTail(frame: Buffer): Description {
  return readDescription("tail", frame);
}

/** A `tail` frame of any fields and version. */
export function tailFrame(
  fields: readonly (readonly [number, Uint8Array])[],
  version: readonly [number, number] = [1, 0],
): Buffer {
  const encoded = fields.map(([tag, value]) => field(tag, value));
  return descriptionFrame("tail", encoded, version);
}
