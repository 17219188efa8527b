import { viewOf } from "./bytes.ts";
import { type DigestName, knownDigest } from "./digest.ts";
import { decodeText, encodeText, joined, u32 } from "./fields.ts";
import { MAX_FRAME_LENGTH } from "./limits.ts";

/** The root digest of a file or device: one digest for all of its content. */
export interface RootDigest {
  /** The algorithm of the blocks' digests. */
  digest: DigestName;
  /** Bytes in a block. */
  blockSize: number;
  /** The digest, 64 bytes. */
  root: Uint8Array;
}

/** Bytes in a root. */
const ROOT_LENGTH = 64;

/** Encodes a root digest as the value of a field. */
export function encodeRootDigest({ blockSize, root, digest }: RootDigest): Uint8Array {
  return joined(u32(blockSize), root, encodeText(digest));
}

/**
 * Decodes the value of a field.
 * @returns null if the algorithm is unknown; undefined if the value is not a root digest
 */
export function decodeRootDigest(value: Uint8Array): RootDigest | null | undefined {
  if (value.length <= 4 + ROOT_LENGTH) return undefined;
  const blockSize = viewOf(value).getUint32(0);
  if (blockSize === 0 || blockSize > MAX_FRAME_LENGTH) return undefined;
  const digest = knownDigest(decodeText(value.subarray(4 + ROOT_LENGTH)));
  // Copy the bytes: `slice` of a Buffer would be a view.
  const root = new Uint8Array(value.subarray(4, 4 + ROOT_LENGTH));
  return digest === undefined ? null : { digest, blockSize, root };
}
