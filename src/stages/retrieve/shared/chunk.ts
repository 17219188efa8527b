import type * as Binding from "../../../native/binding.js";
import { DIGEST_LENGTHS, type Hashing } from "../../../protocol/digest.ts";
import { Pack } from "./pack.ts";
import type { SlotPool } from "./slot-pool.ts";

/** The division of a source into blocks and chunks. */
export interface Grid extends Hashing {
  /** Bytes of a chunk, in whole blocks. */
  length: number;
  /** Bytes of the source. */
  size: number;
}

/** The memory of a chunk. */
interface Place {
  pool: SlotPool;
  slot: number;
}

/** Blocks of a source that are in memory, next to each other, with their digests. */
export class Chunk {
  readonly number: number;
  /** Offset of the first byte in the source. */
  readonly position: number;
  readonly bytes: number;
  readonly grid: Grid;
  /** Settles when it has been read. */
  ready: Promise<void> = Promise.resolve();
  /** Each block; its payload lies in the slot, unless it is all zeros. */
  blocks: readonly Binding.Block[] = [];
  /** The digest of each block, one after the other. */
  digests = Buffer.alloc(0);
  readonly #place: Place;
  readonly #packs: Pack[] = [];
  #pins = 0;
  #isReading = false;
  #isDropped = false;
  #isFreed = false;

  constructor(grid: Grid, number: number, place: Place) {
    this.grid = grid;
    this.number = number;
    this.position = number * grid.length;
    this.bytes = Math.min(grid.length, grid.size - this.position);
    this.#place = place;
  }

  /** True while its blocks are read or used. */
  get isPinned(): boolean {
    return this.#isReading || this.#pins > 0;
  }

  /** True if it has a slot that is not used. */
  get canShrink(): boolean {
    return !this.isPinned || this.hasIdlePacks;
  }

  /** True if it has compressed blocks that are not used. */
  get hasIdlePacks(): boolean {
    return this.#packs.some(({ isPinned }) => !isPinned);
  }

  /** Offset of its slot in the memory. */
  get offset(): number {
    const { pool, slot } = this.#place;
    return pool.offsetOf(slot);
  }

  /** Keeps its blocks in memory until `unpin` has been called as often. */
  pin(): void {
    this.#pins += 1;
  }

  unpin(): void {
    this.#pins -= 1;
    this.#freeDropped();
  }

  /** Reads it. */
  read(engine: Binding.Engine, source: Binding.Source): Promise<void> {
    this.ready = this.#readAll(engine, source);
    return this.ready;
  }

  /** Drops the compressed blocks that are not used. */
  shrink(): void {
    for (const pack of this.#packs.splice(0)) {
      if (pack.isPinned) {
        this.#packs.push(pack);
      } else {
        this.#place.pool.releasePack(pack.slot);
      }
    }
  }

  /** Frees its memory as soon as that is not used any more. It must not be taken after that. */
  drop(): void {
    if (!this.#isDropped) {
      this.#isDropped = true;
      this.#freeDropped();
    }
  }

  /** Finds the compressed blocks of this kind that have most of those that are wanted. */
  packWith(compression: Binding.Compression, wanted: readonly number[]): Pack | undefined {
    let best: { pack: Pack; found: number } | undefined;
    for (const pack of this.#packs) {
      const found = pack.isOf(compression) ? wanted.filter((index) => pack.has(index)).length : 0;
      if (found > (best?.found ?? 0)) {
        best = { pack, found };
      }
    }
    return best?.pack;
  }

  /** Compresses blocks for all readers that want them like that; undefined if there is no memory for it. */
  pack(
    engine: Binding.Engine,
    compression: Binding.Compression,
    wanted: readonly number[],
  ): Pack | undefined {
    const { pool } = this.#place;
    const slot = pool.takeForPack();
    if (slot === undefined) {
      return undefined;
    }
    const pack = new Pack({ pool, slot, compression, onUnused: () => this.#freeDropped() });
    this.#packs.push(pack);
    const blocks = wanted.flatMap((index) => this.blocks[index] ?? []);
    pack.fill(engine, blocks, this.offset);
    return pack;
  }

  async #readAll(engine: Binding.Engine, source: Binding.Source): Promise<void> {
    const { pool, slot } = this.#place;
    const { blockSize, digest } = this.grid;
    const blocks: Binding.Range[] = [];
    for (let at = 0; at < this.bytes; at += blockSize) {
      blocks.push({ position: this.position + at, length: Math.min(blockSize, this.bytes - at) });
    }
    this.#isReading = true;
    try {
      const read = await engine.diff(source, pool.slab, slot, {
        blocks,
        digests: undefined,
        algorithm: digest,
        hashed: true,
        compression: { codec: "raw" },
        omitZeros: true,
      });
      const whole = blocks.length * DIGEST_LENGTHS[digest];
      if (read.changed.length !== blocks.length || read.digests.length !== whole) {
        throw new Error("the engine has not returned all blocks of a chunk");
      }
      this.blocks = read.changed;
      this.digests = Buffer.from(read.digests);
    } finally {
      this.#isReading = false;
      this.#freeDropped();
    }
  }

  #freeDropped(): void {
    if (!this.#isDropped) {
      return;
    }
    this.shrink();
    if (!this.isPinned && !this.#isFreed) {
      this.#isFreed = true;
      this.#place.pool.release(this.#place.slot);
    }
  }
}
