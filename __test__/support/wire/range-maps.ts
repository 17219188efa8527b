// Evaluates a range map block by block: slow, and hard to get wrong.
import { BLOCK } from "../files/files.ts";
import { DONE, hashStream, restFrame } from "./frames.ts";

/** A range of a range map, in bytes. */
export interface Extent {
  offset: number;
  length: number;
}

/** The numbers of the blocks, of `blockSize` bytes, of a file of `size` bytes that the extents touch. */
export function blocksOf(extents: readonly Extent[], size: number, blockSize = BLOCK): number[] {
  return Array.from({ length: Math.ceil(size / blockSize) }, (_, block) => block).filter((block) =>
    extents.some(
      ({ offset, length }) =>
        length > 0 && offset < (block + 1) * blockSize && offset + length > block * blockSize,
    ),
  );
}

/** The hash stream of these blocks of `bytes`, with `rest` if wanted. */
export function hashBlocks(
  bytes: Buffer,
  blocks: readonly number[],
  rest = false,
  blockSize = BLOCK,
): Buffer {
  const frames = blocks.map((block) => {
    const [start, end] = [block * blockSize, Math.min((block + 1) * blockSize, bytes.length)];
    return hashStream(bytes, { start, end, block: blockSize }).subarray(0, -DONE.length);
  });
  return Buffer.concat([...frames, ...(rest ? [restFrame(bytes.length)] : []), DONE]);
}

/** The output of thin_delta around these elements, which begin in line 3. */
export const thinDelta = (diff: string, attributes = 'data_block_size="128"'): string =>
  `<superblock uuid="" time="1" transaction="2" ${attributes} nr_data_blocks="100">
  <diff left="1" right="2">\n${diff}\n  </diff>\n</superblock>\n`;

/** The fields of an entry of nbdinfo. */
type NbdEntry = [offset: number, length: number, type: number, description: string];

/** An entry of a dirty bitmap. */
export const dirty = (offset: number, length: number): NbdEntry => [offset, length, 1, "dirty"];

/** The output of `nbdinfo --map --json`, in one line. */
export const nbd = (...entries: NbdEntry[]): string =>
  JSON.stringify(
    entries.map(([offset, length, type, description]) => ({ offset, length, type, description })),
  );
