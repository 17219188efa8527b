// Makes the checksums of a changed stream right again, so that what it says is looked at.
import { crc32 } from "../support/wire/crc32.ts";

/** Lengths of the frames that have no checksum of their own, without a payload. */
const PLAIN: Readonly<Record<string, (digest: number) => number>> = {
  Hash: (digest) => 16 + digest,
  hash: (digest) => 8 + digest,
  rest: () => 12,
  data: () => 16,
  dlzm: () => 16,
  done: () => 4,
};

/** Returns a copy whose frames have the checksums, and the number of frames, that belong to them. */
export function repaired(bytes: Uint8Array): Buffer {
  const stream = Buffer.from(bytes);
  const digest = stream.includes("blake3") ? 32 : 64;
  let [crc, count, at] = [0, 0, 0];
  while (at + 4 <= stream.length) {
    const command = stream.toString("latin1", at, at + 4);
    const begin = at;
    const isDescription = ["helo", "head", "root", "tail"].includes(command);
    if (isDescription) {
      if (at + 8 > stream.length) break;
      at += 8 + stream.readUInt32BE(at + 4);
      if (command === "root") seal(stream.subarray(begin, at), count, crc);
      close(stream, begin, at);
    } else if (command === "blck" || command === "zero") {
      at += command === "blck" ? 25 + digest : 20;
      close(stream, begin, at);
      crc = crc32(stream.subarray(begin, at - 4), crc);
      if (command === "blck" && begin + 20 <= stream.length) at += stream.readUInt32BE(begin + 16);
      count += 1;
    } else {
      const length = Object.hasOwn(PLAIN, command) ? PLAIN[command]?.(digest) : undefined;
      if (length === undefined) break;
      at += length;
      if (command !== "done") crc = crc32(stream.subarray(begin, at), crc);
      if (command !== "done") count += 1;
      if (command === "data" || command === "dlzm")
        at += begin + 16 <= stream.length ? stream.readUInt32BE(begin + 12) : 0;
    }
  }
  return stream;
}

/** Writes the checksum of a frame into its last four bytes. */
function close(stream: Buffer, begin: number, end: number): void {
  if (end - begin >= 12 && end <= stream.length)
    stream.writeUInt32BE(crc32(stream.subarray(begin, end - 4)), end - 4);
}

/** Writes the number and the checksum of the frames before it into a `root` frame. */
function seal(frame: Buffer, count: number, crc: number): void {
  const frames = frame.indexOf(Buffer.of(0x80, 1, 0, 8));
  if (frames > 0 && frames + 12 <= frame.length) frame.writeBigUInt64BE(BigInt(count), frames + 4);
  const sum = frame.indexOf(Buffer.of(0x80, 2, 0, 4));
  if (sum > 0 && sum + 8 <= frame.length) frame.writeUInt32BE(crc, sum + 4);
}
