// Files whose blocks are numbers, in place of bytes: what several sources answer can then be compared without a disk.
import { loadAddon } from "../../src/native/load.ts";
import { rootFrame, sealedHello, whole } from "../support/wire/extended.ts";
import { DONE, hashFrame, restFrame } from "../support/wire/frames.ts";
import { rootOf } from "../support/wire/root-digest.ts";

const engine = new (loadAddon().Engine)({});

/** Length of their blocks in bytes. */
export const BLOCK = 4096;

/** A file whose blocks are numbers; 0 is a block of zeros. */
export interface Model {
  size: number;
  blocks: number[];
}

/** A block of such a file. */
export interface ModelBlock {
  position: number;
  length: number;
  digest: Buffer;
}

/** Returns the blocks of a file. */
export function blocksOf({ size, blocks }: Model): ModelBlock[] {
  return blocks.map((content, index) => {
    const position = index * BLOCK;
    const length = Math.min(BLOCK, size - position);
    return { position, length, digest: digestOf(content, length) };
  });
}

/** Returns the digest of a block: that of zeros, or one that names the number. */
export function digestOf(content: number, length: number): Buffer {
  if (content === 0) return Buffer.from(engine.zeroDigest("blake3", length));
  const digest = Buffer.alloc(32, 0x5a);
  digest.writeUInt32BE(content, 4);
  digest.writeUInt32BE(length, 8);
  return digest;
}

/** Returns the root digest of a file. */
export function rootOfModel(model: Model): Buffer {
  const digests = blocksOf(model).map(({ digest }) => digest);
  return Buffer.from(rootOf(model.size, "blake3", digests, BLOCK), "hex");
}

/** The digests of a destination, as `receive` sends them. */
export function digestStream(destination: Model): Buffer {
  const { size } = destination;
  const root = rootOfModel(destination);
  const frames = [
    ...blocksOf(destination).map(({ position, length, digest }) =>
      whole(hashFrame(position, length, digest)),
    ),
    whole(restFrame(size)),
  ];
  return Buffer.concat([
    sealedHello({ digest: "blake3", blockSize: BLOCK, size, root }),
    ...frames.map(({ bytes }) => bytes),
    rootFrame(frames),
    DONE,
  ]);
}

/** A model of `size` bytes, with many blocks of zeros. */
export function anyModel(size: number, random: () => number): Model {
  const blocks = Array.from({ length: Math.ceil(size / BLOCK) }, () =>
    random() < 0.2 ? 0 : Math.ceil(random() * 1000),
  );
  return { size, blocks };
}

/** `before` at another size, with a share of its blocks changed. */
export function changed(before: Model, size: number, share: number, random: () => number): Model {
  const { blocks } = anyModel(size, random);
  return {
    size,
    blocks: blocks.map((other, index) =>
      random() < share ? other : (before.blocks[index] ?? other),
    ),
  };
}
