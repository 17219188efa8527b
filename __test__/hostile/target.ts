// A decoder to try with hostile bytes.

/** A decoder, and the promises that it keeps for any bytes. */
export interface Target {
  name: string;
  /** Sound inputs, to begin with. */
  seeds: () => Iterable<Uint8Array>;
  /** Words of the format, which random changes would not find. */
  words?: readonly string[];
  /** Decodes. Throws if a promise is broken. */
  check: (bytes: Uint8Array) => void | Promise<void>;
}

/** The result of `decode`, or the error of one of `kinds` that it throws; any other one breaks the promise. */
export function attempt<T, E extends Error>(
  decode: () => T,
  ...kinds: (abstract new (...parameters: never[]) => E)[]
): T | E {
  try {
    return decode();
  } catch (error) {
    const expected = kinds.find((kind) => error instanceof kind);
    if (expected !== undefined) return error as E;
    throw error;
  }
}

/**
 * Splits an input into its first byte, which decides how the rest arrives, and the rest in chunks: one byte at a time, in
 * chunks of a prime number of bytes, or in one piece.
 */
export function chunked(bytes: Uint8Array, how: number): Uint8Array[] {
  const size = [1, 7, 61, bytes.length][how % 4] ?? 1;
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}
