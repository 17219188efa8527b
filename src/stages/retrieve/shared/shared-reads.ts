import type { StageContext } from "../../../blocks/context.ts";
import type { HashBatch } from "../../../blocks/digest-batches.ts";
import type * as Binding from "../../../native/binding.js";
import { DIGEST_LENGTHS, type Hashing } from "../../../protocol/digest.ts";
import { OwnReads, type Reading, type Reads, type Wanted } from "../reads.ts";
import type { Beginning } from "./beginning.ts";
import type { Chunk, Grid } from "./chunk.ts";
import type { Pack } from "./pack.ts";
import type { Seat, Window } from "./window.ts";

/** A part of the window that a batch uses until it is released. */
interface Use {
  chunk: Chunk;
  packs: Pack[];
}

/** A block that differs, with its index in the batch. */
interface Changed {
  block: Binding.Block;
  index: number;
}

/** The place of a reader among the others. */
interface Place {
  window: Window;
  seat: Seat;
  beginning: Beginning;
  /** The most batches that may use the window at a time. */
  most: number;
}

/** Reads the source for one of several hash streams, from a window that all of them share. */
export class SharedReads implements Reads {
  readonly #context: Pick<StageContext, "native" | "engine">;
  readonly #source: Binding.Source;
  readonly #window: Window;
  readonly #seat: Seat;
  readonly #beginning: Beginning;
  readonly #most: number;
  readonly #uses = new Set<Use>();
  readonly #waiting: (() => void)[] = [];
  #own: OwnReads | undefined;
  #isClosed = false;

  constructor(
    context: Pick<StageContext, "native" | "engine">,
    source: Binding.Source,
    { window, seat, beginning, most }: Place,
  ) {
    this.#context = context;
    this.#source = source;
    this.#window = window;
    this.#seat = seat;
    this.#beginning = beginning;
    this.#most = most;
  }

  /** Divides a batch at the ends of chunks. */
  *parts(batch: HashBatch, hashing: Hashing): Generator<HashBatch> {
    const grid = this.#gridOf(batch, hashing);
    if (grid === undefined) {
      yield batch;
      return;
    }
    const { blocks, digests } = batch;
    if (chunkOf(grid, blocks[0]) === chunkOf(grid, blocks.at(-1))) {
      yield batch;
      return;
    }
    const digestLength = DIGEST_LENGTHS[grid.digest];
    for (let from = 0; from < blocks.length;) {
      const number = chunkOf(grid, blocks[from]);
      const next = blocks.findIndex((block, at) => at > from && chunkOf(grid, block) !== number);
      const to = next === -1 ? blocks.length : next;
      const part = blocks.slice(from, to);
      yield {
        blocks: part,
        digests: digests?.subarray(from * digestLength, to * digestLength),
        bytes: part.reduce((sum, { length }) => sum + length, 0),
      };
      from = to;
    }
  }

  async begin(wanted: Wanted): Promise<Reading> {
    const grid = this.#gridOf(wanted.batch, wanted.hashing);
    if (grid === undefined || !wanted.omitZeros) {
      this.#beginning.release(this.#seat);
      this.#own ??= new OwnReads(this.#context, this.#source);
      this.#window.bytesRead += wanted.batch.bytes;
      return this.#own.begin(wanted);
    }
    await this.#beginning.arrive(this.#seat);
    while (this.#uses.size >= this.#most) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#refuseClosed();
    const { blocks } = wanted.batch;
    const last = blocks.at(-1);
    const number = chunkOf(grid, last);
    const isLast =
      last !== undefined &&
      last.position + grid.blockSize >= Math.min(grid.size, (number + 1) * grid.length);
    const chunk = await this.#window.take(this.#seat, number, { isLast });
    const use = { chunk, packs: [] };
    this.#uses.add(use);
    if (this.#isClosed) {
      this.#release(use);
      this.#refuseClosed();
    }
    const compression = wanted.compressor.current;
    const diff = this.#compare(use, wanted.batch, compression);
    const { memory } = this.#window.pool;
    return { diff, memory, compression, release: () => this.#release(use) };
  }

  /** Gives back all memory. What is sent must not use it any more. */
  close(): void {
    this.#isClosed = true;
    for (const use of this.#uses) {
      this.#release(use);
    }
  }

  /** Returns the grid of the window if the batch fits it. A short block does not, unless the source ends in it. */
  #gridOf({ blocks }: HashBatch, hashing: Hashing): Grid | undefined {
    const grid = this.#window.gridFor(hashing);
    if (grid === undefined) {
      return undefined;
    }
    const { blockSize, size } = grid;
    const fits = blocks.every(
      ({ position, length }) =>
        position % blockSize === 0 &&
        position < size &&
        (length === blockSize || position + length >= size),
    );
    return fits ? grid : undefined;
  }

  async #compare(
    use: Use,
    { blocks, digests }: HashBatch,
    compression: Binding.Compression,
  ): Promise<Binding.Diff> {
    const { chunk } = use;
    await chunk.ready;
    this.#refuseClosed();
    const { digest, blockSize } = chunk.grid;
    const digestLength = DIGEST_LENGTHS[digest];
    const same = equalDigests(chunk, blocks, digests);
    if (same !== undefined) {
      return { changed: [], digests: same };
    }
    const ours = Buffer.alloc(blocks.length * digestLength);
    const changed: Changed[] = [];
    for (const [index, { position, length }] of blocks.entries()) {
      const place = (position - chunk.position) / blockSize;
      const block = chunk.blocks[place];
      if (block?.position !== position) {
        throw new Error("a block is not where its chunk should have it");
      }
      const at = index * digestLength;
      chunk.digests.copy(ours, at, place * digestLength, (place + 1) * digestLength);
      const isSame =
        length === block.block &&
        digests !== undefined &&
        ours.compare(digests, at, at + digestLength, at, at + digestLength) === 0;
      if (!isSame) {
        changed.push({ block, index });
      }
    }
    return { changed: await this.#encode(use, changed, compression), digests: ours };
  }

  /** Returns the blocks as they are sent. Offsets are in the memory of all slots. */
  async #encode(
    use: Use,
    changed: readonly Changed[],
    compression: Binding.Compression,
  ): Promise<Binding.Block[]> {
    const { chunk } = use;
    if (compression.codec !== "raw") {
      await this.#pack(use, changed, compression);
    }
    return changed.map(({ block, index }) => {
      const packed = use.packs.map((pack) => pack.block(block.index)).find((found) => found);
      return { ...block, offset: chunk.offset + block.offset, ...packed, index };
    });
  }

  /** Has blocks compressed, unless another reader has done so. Without memory for it, some are sent as they are. */
  async #pack(
    use: Use,
    changed: readonly Changed[],
    compression: Binding.Compression,
  ): Promise<void> {
    const { chunk, packs } = use;
    const keep = (pack: Pack | undefined): void => {
      if (pack !== undefined) {
        pack.pin();
        packs.push(pack);
      }
    };
    const wanted = changed.flatMap(({ block }) => (block.codec === "zeros" ? [] : block.index));
    const found = chunk.packWith(compression, wanted);
    // Before a slot is taken for more: that may take the one of a pack that is not in use.
    keep(found);
    const missing = wanted.filter((index) => found?.has(index) !== true);
    if (missing.length > 0) {
      keep(chunk.pack(this.#context.engine, compression, missing));
    }
    for (const pack of packs) {
      await pack.ready;
    }
  }

  #refuseClosed(): void {
    if (this.#isClosed) {
      throw new Error("the reads of a destination go on after its end");
    }
  }

  #release(use: Use): void {
    if (this.#uses.delete(use)) {
      for (const pack of use.packs.splice(0)) {
        pack.unpin();
      }
      this.#window.release(use.chunk);
      this.#waiting.shift()?.();
    }
  }
}

/**
 * Returns the digests of neighbouring blocks of a chunk if all of them are equal to those of the destination: most are, and one comparison for
 * all takes a fraction of the time.
 */
function equalDigests(
  { position: start, grid, blocks: ours, digests: all }: Chunk,
  blocks: readonly Binding.Range[],
  digests: Uint8Array | undefined,
): Buffer | undefined {
  const { digest, blockSize } = grid;
  const first = ((blocks[0]?.position ?? start) - start) / blockSize;
  const areNeighbours = blocks.every(({ position, length }, index) => {
    const block = ours[first + index];
    return block?.position === position && block.block === length;
  });
  const digestLength = DIGEST_LENGTHS[digest];
  const same = all.subarray(first * digestLength, (first + blocks.length) * digestLength);
  return areNeighbours && digests !== undefined && same.equals(digests) ? same : undefined;
}

function chunkOf({ length }: Grid, block: Binding.Range | undefined): number {
  return Math.floor((block?.position ?? 0) / length);
}
