import zlib from "node:zlib";

/** Computes the CRC-32 of gzip. `value` is that of the bytes before these. */
type Crc32 = (bytes: Uint8Array, value?: number) => number;

/** The polynomial, with its bits in reverse. */
const POLYNOMIAL = 0xed_b8_83_20;

/** Returns a function that computes a CRC-32 byte by byte. */
export function portableCrc32(): Crc32 {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
    }
    return value;
  });
  return (bytes, value = 0) => {
    let crc = ~value;
    for (let at = 0; at < bytes.length; at += 1) {
      crc = (crc >>> 8) ^ (table[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
    }
    return ~crc >>> 0;
  };
}

/**
 * Node has it since 20.15 and 22.2. On an older one, byte by byte is fast enough (200 MB/s): the checksums of a stream are over headers
 * and digests, 78 bytes per block.
 */
export const crc32: Crc32 = (zlib as typeof zlib & { crc32?: Crc32 }).crc32 ?? portableCrc32();
