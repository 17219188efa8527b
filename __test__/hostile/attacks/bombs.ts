// Small payloads that decode to many zeros, made by hand: the tools would choose other forms.
import { xz } from "../../support/wire/frames.ts";

/** A Zstandard frame (RFC 8878) of blocks that repeat one byte. */
export function zstdZeros(length: number): Buffer {
  const header = Buffer.alloc(9);
  header.writeUInt32LE(0xfd2fb528, 0);
  // A single segment, with a content size of 4 bytes.
  header.writeUInt8(0b1010_0000, 4);
  header.writeUInt32LE(length, 5);
  const blocks: Buffer[] = [header];
  for (let left = length; left > 0; left -= 131_072) {
    const size = Math.min(left, 131_072);
    const isLast = left <= 131_072 ? 1 : 0;
    const block = Buffer.alloc(4);
    block.writeUIntLE((size << 3) | (1 << 1) | isLast, 0, 3);
    blocks.push(block);
  }
  return Buffer.concat(blocks);
}

/** An LZ4 block: one zero, a match that repeats it, and five literals at the end, as the format wants. */
export function lz4Zeros(length: number): Buffer {
  if (length < 25)
    return Buffer.concat([
      Buffer.of(Math.min(length, 14) << 4),
      Buffer.alloc(Math.min(length, 14)),
    ]);
  const match = length - 1 - 5 - 4 - 15;
  const more = Buffer.alloc(Math.floor(match / 255) + 1, 255);
  more.writeUInt8(match % 255, more.length - 1);
  return Buffer.concat([Buffer.of(0x1f, 0, 1, 0), more, Buffer.of(0x50), Buffer.alloc(5)]);
}

const made = new Map<number, Buffer>();

/** An .xz stream. */
export function xzZeros(length: number): Buffer {
  const found = made.get(length) ?? xz(Buffer.alloc(length), 0);
  made.set(length, found);
  return found;
}
