// The contender "Node crypto": hashes blocks for at least as many seconds as the argument says, and prints its Work as
// JSON. With 0 it hashes nothing, which shows what the process costs apart from its hashing.
import { createHash } from "node:crypto";
import { BLOCK_BYTES, type Work } from "../common/work.ts";

const atLeast = Number(process.argv[2]) * 1000;
// As much as the other contenders of this project go through, crates/keccak/examples/hash_rate.rs.
const data = Buffer.alloc(64 * BLOCK_BYTES, 0xa5);

let bytes = 0;
const begin = performance.now();
while (performance.now() - begin < atLeast) {
  for (let offset = 0; offset < data.length; offset += BLOCK_BYTES) {
    createHash("sha3-512")
      .update(data.subarray(offset, offset + BLOCK_BYTES))
      .digest();
  }
  bytes += data.length;
}
const work: Work = { bytes, seconds: (performance.now() - begin) / 1000 };
console.log(JSON.stringify(work));
