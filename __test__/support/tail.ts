// The trailer behind `done`, read in the plainest way: the tests' own opinion of what its bytes mean.
import { crc32 } from "node:zlib";

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
  return stream.subarray(0, stream.length - behindDone(stream).length);
}

/** What follows `done` in a block stream. */
export function behindDone(stream: Buffer): Buffer {
  let at = 0;
  while (stream.toString("latin1", at, at + 4) !== "done") {
    if (at + 16 > stream.length) throw new Error("the stream has no `done`");
    at += 16 + stream.readUInt32BE(at + 12);
  }
  return stream.subarray(at + 4);
}

/** The fields of a `tail` frame by their tags, its version and whether its checksum is right. */
export function readTail(frame: Buffer): {
  version: string;
  sound: boolean;
  fields: Map<number, Buffer>;
} {
  if (frame.toString("latin1", 0, 4) !== "tail") throw new Error("no tail");
  if (frame.readUInt32BE(4) !== frame.length - 8) throw new Error("its length is wrong");
  const fields = new Map<number, Buffer>();
  for (let at = 10; at < frame.length - 4;) {
    const length = frame.readUInt16BE(at + 2);
    fields.set(frame.readUInt16BE(at), frame.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  const sound = crc32(frame.subarray(0, -4)) === frame.readUInt32BE(frame.length - 4);
  return { version: `${frame[8]}.${frame[9]}`, sound, fields };
}

/** A `tail` frame of any fields and version. */
export function tailFrame(
  fields: readonly (readonly [number, Uint8Array])[],
  version: readonly [number, number] = [1, 0],
): Buffer {
  const encoded = fields.flatMap(([tag, value]) => {
    const header = Buffer.alloc(4);
    header.writeUInt16BE(tag);
    header.writeUInt16BE(value.length, 2);
    return [header, value];
  });
  const body = Buffer.concat([Buffer.from(version), ...encoded]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  const frame = Buffer.concat([Buffer.from("tail"), length, body]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(frame));
  return Buffer.concat([frame, crc]);
}
