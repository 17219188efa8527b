import zlib from "node:zlib";

/** Computes a CRC-32 with Node, which has it in the versions that the tests run on, but not in all that the types are for. */
export const { crc32 } = zlib as unknown as {
  crc32: (bytes: Uint8Array, value?: number) => number;
};
