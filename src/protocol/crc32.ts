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

/** Bytes from which on it pays to load Node's own function, which takes 2 ms. */
const MANY = 1024;

let portable: Crc32 | undefined;

/**
 * Computes a CRC-32. Node can do it since 20.15 and 22.2. On an older one, byte by byte is fast enough (200 MB/s): the checksums of a
 * stream are over headers and digests, 78 bytes per block.
 */
export function crc32(bytes: Uint8Array, value = 0): number {
  const own = bytes.length < MANY ? undefined : (zlib as typeof zlib & { crc32?: Crc32 }).crc32;
  return (own ?? (portable ??= portableCrc32()))(bytes, value);
}
