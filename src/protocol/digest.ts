import { DEFAULT_BLOCK_SIZE } from "./limits.ts";

/** Bytes in a digest of each algorithm, by the name that it has on the wire and on the command line. */
export const DIGEST_LENGTHS = { "sha3-512": 64, blake3: 32 } as const;

/** A digest algorithm. */
export type DigestName = keyof typeof DIGEST_LENGTHS;

/** The one of blockcopy 0.0.2, and of every stream that does not name another. */
export const DEFAULT_DIGEST: DigestName = "sha3-512";

/** All of them, the default first. */
export const DIGEST_NAMES = Object.keys(DIGEST_LENGTHS) as DigestName[];

/** The algorithm of this name, if it is one that is known here. */
export function knownDigest(name: string): DigestName | undefined {
  return DIGEST_NAMES.find((known) => known === name);
}

/** What is digested, and how. */
export interface Hashing {
  /** The algorithm. */
  digest: DigestName;
  /** Bytes in a block. */
  blockSize: number;
}

/** That of blockcopy 0.0.2, and of every stream that says nothing else. */
export const DEFAULT_HASHING: Readonly<Hashing> = {
  digest: DEFAULT_DIGEST,
  blockSize: DEFAULT_BLOCK_SIZE,
};
