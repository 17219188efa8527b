import { DEFAULT_BLOCK_SIZE } from "./limits.ts";

/** Bytes in a digest of each algorithm, by its name on the wire and on the command line. */
export const DIGEST_LENGTHS = { "sha3-512": 64, blake3: 32 } as const;

/** A digest algorithm. */
export type DigestName = keyof typeof DIGEST_LENGTHS;

/** The algorithm of blockcopy 0.0.2, and of every stream that does not name another. */
export const DEFAULT_DIGEST: DigestName = "sha3-512";

/** Between two of this program: as sound as SHA3-512 for telling blocks apart, for a fraction of its CPU time. */
export const OWN_DIGEST: DigestName = "blake3";

/** All algorithms, the default first. */
export const DIGEST_NAMES = Object.keys(DIGEST_LENGTHS) as DigestName[];

/** Returns the algorithm of this name; undefined if it is unknown. */
export function knownDigest(name: string): DigestName | undefined {
  return DIGEST_NAMES.find((known) => known === name);
}

/** The blocks of a stream: their size, and the algorithm of their digests. */
export interface Hashing {
  /** The algorithm. */
  digest: DigestName;
  /** Bytes in a block. */
  blockSize: number;
}

/** The hashing of blockcopy 0.0.2, and of every stream that does not name another. */
export const DEFAULT_HASHING: Readonly<Hashing> = {
  digest: DEFAULT_DIGEST,
  blockSize: DEFAULT_BLOCK_SIZE,
};
