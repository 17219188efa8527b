// An extended stream of each kind with a frame of every sort in it.
import { field, u32, u64 } from "./description-frames.ts";
import {
  blckFrame,
  headFrame,
  rootValue,
  type Sealed,
  sealedHello,
  sealedStream,
  whole,
  zeroFrame,
} from "./extended.ts";
import { hashFrame, restFrame, sha3 } from "./frames.ts";

/** The root digest that both end with, as the value of a field. */
export const ROOT = rootValue(Buffer.alloc(64, "root"));

/** The beginning of the hash stream. */
export const HELLO = sealedHello({
  size: 200_000,
  identity: "file fsid:1 2 3.4",
  root: Buffer.alloc(64, "root"),
  end: 2 ** 53 - 1,
});

/** The frames of the hash stream. */
export const HASHES: readonly Sealed[] = [
  whole(hashFrame(0, 131_072, Buffer.alloc(64, "a"))),
  whole(hashFrame(131_072, 4096, Buffer.alloc(64, "b"))),
  whole(hashFrame(196_608, 3392, Buffer.alloc(64, "c"))),
  whole(restFrame(200_000)),
];

/** The hash stream. */
export const HASH_STREAM = sealedStream(HELLO, HASHES, ROOT);

/** The beginning of the block stream. */
export const HEAD = headFrame({
  base: { size: 200_000, root: Buffer.alloc(64, "root") },
  source: [
    field(1, u64(300_000)),
    field(2, "file"),
    field(6, Buffer.concat([u32(7), Buffer.from("op")])),
  ],
  end: 300_000,
});

const FIRST = Buffer.from("the first block");
const CODED = Buffer.from("in another form");

/** The frames of the block stream. */
export const BLOCKS: readonly Sealed[] = [
  blckFrame({ position: 0, digest: sha3(FIRST), payload: FIRST }),
  zeroFrame(4096, 8192),
  blckFrame({ position: 12_288, block: 4096, codec: 2, digest: sha3(CODED), payload: CODED }),
  zeroFrame(131_072, 1),
];

/** The block stream. */
export const BLOCK_STREAM = sealedStream(HEAD, BLOCKS, ROOT);
