// Frames that describe something (`helo`, `head`, `root`, `tail`), written and read in the plainest way.
import { crc32 } from "./crc32.ts";

/** An unsigned big-endian number of 8 bytes. */
export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** An unsigned big-endian number of 4 bytes. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** An unsigned big-endian number of 2 bytes. */
function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** Bytes followed by their CRC-32. */
export function withCrc(...parts: Uint8Array[]): Buffer {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([bytes, u32(crc32(bytes))]);
}

/** A field; `length` differs from the value's only in fields made to be refused. */
export function field(tag: number, value: string | Uint8Array, length = value.length): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value, "latin1") : value;
  return Buffer.concat([u16(tag), u16(length), bytes]);
}

/** A frame around `fields`, of the version given as `[major, minor]`. */
export function descriptionFrame(
  command: string,
  fields: readonly Uint8Array[],
  version: readonly [number, number] = [1, 0],
): Buffer {
  const body = Buffer.concat([Buffer.from(version), ...fields]);
  return withCrc(Buffer.from(command), u32(body.length + 4), body);
}

/** A whole frame: its fields by their tags, its version, and if its checksum is right. */
export interface Description {
  version: string;
  sound: boolean;
  fields: Map<number, Buffer>;
}

/** Reads a whole frame. */
export function readDescription(command: string, frame: Buffer): Description {
  if (frame.toString("latin1", 0, 4) !== command) throw new Error(`no ${command}`);
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
