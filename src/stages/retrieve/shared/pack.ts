import type * as Binding from "../../../native/binding.js";
import type { SlotPool } from "./slot-pool.ts";

/** A compressed block, or one that does not get smaller, as it is. */
export type PackedBlock = Pick<Binding.Block, "codec" | "offset" | "length">;

/** The memory of compressed blocks, and the way in which they are compressed. */
interface PackOptions {
  pool: SlotPool;
  slot: number;
  compression: Binding.Compression;
  /** Called when they are not used any more. */
  onUnused: () => void;
}

/** Compressed blocks of a chunk. */
export class Pack {
  readonly slot: number;
  /** Settles when they are compressed. */
  ready: Promise<void> = Promise.resolve();
  readonly #options: PackOptions;
  readonly #indices = new Set<number>();
  readonly #blocks = new Map<number, PackedBlock>();
  #pins = 0;
  #isFilling = false;

  constructor(options: PackOptions) {
    this.#options = options;
    this.slot = options.slot;
  }

  get isPinned(): boolean {
    return this.#isFilling || this.#pins > 0;
  }

  /** Keeps the blocks in memory until `unpin` has been called as often. */
  pin(): void {
    this.#pins += 1;
  }

  unpin(): void {
    this.#pins -= 1;
    if (!this.isPinned) {
      this.#options.onUnused();
    }
  }

  /** True if the blocks are, or will be, compressed like this. */
  isOf({ codec, level }: Binding.Compression): boolean {
    const { compression } = this.#options;
    return compression.codec === codec && compression.level === level;
  }

  /** True if it has, or will have, the block of this index in its chunk. */
  has(index: number): boolean {
    return this.#indices.has(index);
  }

  /** Returns a block that is ready. Its offset is in the memory of all slots. */
  block(index: number): PackedBlock | undefined {
    return this.#blocks.get(index);
  }

  /** Copies blocks of a chunk, whose slot is at `from` in the memory, and compresses them. */
  fill(engine: Binding.Engine, blocks: readonly Binding.Block[], from: number): void {
    const { memory } = this.#options.pool;
    const start = this.#options.pool.offsetOf(this.slot);
    let at = start;
    for (const { index, offset, block } of blocks) {
      this.#indices.add(index);
      memory.copyWithin(at, from + offset, from + offset + block);
      at += block;
    }
    this.ready = this.#compress(engine, blocks, start);
    // Those who use it await it too, and get the error.
    this.ready.catch(() => undefined);
  }

  async #compress(
    engine: Binding.Engine,
    blocks: readonly Binding.Block[],
    start: number,
  ): Promise<void> {
    const { pool, compression } = this.#options;
    const ranges = blocks.map(({ position, block }) => ({ position, length: block }));
    this.#isFilling = true;
    try {
      const packed = await engine.pack(pool.slab, this.slot, ranges, compression);
      let offset = start;
      for (const [at, { index, block }] of blocks.entries()) {
        const { codec, length } = packed[at] ?? { codec: "raw", length: block };
        this.#blocks.set(index, { codec, offset, length });
        offset += block;
      }
    } finally {
      this.#isFilling = false;
      if (!this.isPinned) {
        this.#options.onUnused();
      }
    }
  }
}
