// Root digests, in the plainest way.
import { createHash } from "node:crypto";
import { BLOCK } from "../files/files.ts";
import { sha3 } from "./frames.ts";

/** The root as docs/protocol.md defines it. */
export function rootOf(
  size: number,
  name: string,
  digests: readonly Uint8Array[],
  blockSize = BLOCK,
): string {
  const hash = createHash("sha3-512");
  hash.update(Buffer.from(`blockcopy root 1 ${name}\n`, "latin1"));
  const block = Buffer.alloc(4);
  block.writeUInt32BE(blockSize);
  hash.update(block);
  for (const digest of digests) hash.update(digest);
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(size));
  return hash.update(length).digest("hex");
}

/** SHA3-512 of each block, by OpenSSL. */
export function sha3Digests(content: Buffer, blockSize = BLOCK): Buffer[] {
  const digests: Buffer[] = [];
  for (let at = 0; at < content.length; at += blockSize)
    digests.push(sha3(content.subarray(at, at + blockSize)));
  return digests;
}
