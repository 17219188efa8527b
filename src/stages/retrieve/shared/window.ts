import { MAX_BATCH_LENGTH } from "../../../blocks/digest-batches.ts";
import type { StageContext } from "../../../blocks/context.ts";
import { batchesInFlight } from "../../../blocks/slots.ts";
import type * as Binding from "../../../native/binding.js";
import { clock } from "../../../native/clock.ts";
import type { Hashing } from "../../../protocol/digest.ts";
import { Chunk, type Grid } from "./chunk.ts";
import { SlotPool } from "./slot-pool.ts";

/** Slots of the window: with those of this length, it takes 255 MiB at most, however many destinations there are. */
const SLOTS = 60;

/**
 * Slots that compressed blocks may take. The others are for chunks: more than those that all destinations use and need next, so that those
 * which have stopped leave some for one that goes on.
 */
const PACKS = 24;

/** Bytes of a slot: a chunk, whose reads are each widened to the alignment of direct I/O. */
const SLOT_LENGTH = MAX_BATCH_LENGTH + 256 * 1024;

/**
 * Milliseconds in all for which readers that are ahead wait for one that lags, before its chunks go: what hosts and links do differently
 * from one moment to the next evens out in that time, and no block has to be read twice.
 */
const PATIENCE = 2000;

/** The place of one reader in the source. */
export interface Seat {
  /** The first chunk that it still needs. */
  next: number;
  /** Milliseconds for which others still wait for it. */
  patience: number;
  /** The time up to which they have waited, by the clock. */
  waited: number;
}

/**
 * The part of a source that is in memory, in chunks that are read and hashed once for all their readers. A chunk stays while a reader has
 * yet to come to it and there is room. When room is short, those that are ahead wait for a moment. Then the chunk goes whose next reader is
 * the farthest away: a reader that lags too far reads it once more when it gets there, and delays no other any more.
 */
export class Window {
  /** The most bytes of a block that the window can hold. */
  static readonly MAX_BLOCK_SIZE = MAX_BATCH_LENGTH;
  readonly pool: SlotPool;
  /** Bytes of the source that were read, those that were read again included. */
  bytesRead = 0;
  readonly #engine: Binding.Engine;
  readonly #source: Binding.Source;
  readonly #ahead: number;
  readonly #chunks = new Map<number, Chunk>();
  /** The error of each chunk that could not be read: a disk takes seconds to give a bad sector up, which need not pass once per reader. */
  readonly #failures = new Map<number, unknown>();
  readonly #seats = new Set<Seat>();
  readonly #grid: Grid;

  /** @param hashing that of the copy; a reader with another one does not use the window */
  constructor(
    { native, engine }: Pick<StageContext, "native" | "engine">,
    source: Binding.Source,
    { digest, blockSize }: Hashing,
  ) {
    const length = blockSize * Math.floor(MAX_BATCH_LENGTH / blockSize);
    this.#grid = { digest, blockSize, length, size: source.size };
    this.#engine = engine;
    this.#source = source;
    this.#ahead = batchesInFlight(engine, MAX_BATCH_LENGTH);
    this.pool = new SlotPool(native, {
      slots: SLOTS,
      length: SLOT_LENGTH,
      packs: PACKS,
      makeRoom: (distance, at) => this.#makeRoom(distance, at),
      dropPacks: () => this.#dropPacks(),
    });
  }

  /** Adds a reader at the beginning of the source. */
  join(): Seat {
    const seat = { next: 0, patience: PATIENCE, waited: 0 };
    this.#seats.add(seat);
    return seat;
  }

  /** Removes a reader, for which nothing is kept any more. */
  leave(seat: Seat): void {
    this.#seats.delete(seat);
    this.#dropPassed();
    this.pool.retry();
  }

  /** Returns the grid of the chunks if these blocks fit it. */
  gridFor({ digest, blockSize }: Hashing): Grid | undefined {
    return this.#grid.digest === digest && this.#grid.blockSize === blockSize
      ? this.#grid
      : undefined;
  }

  /**
   * Takes a chunk for a reader, which reads it if it is not in memory, and begins to read the next ones. The reader releases it.
   *
   * @param use `isLast`: the reader needs no more of this chunk
   * @throws the engine's failure to read it, also if that was for another reader
   */
  async take(seat: Seat, number: number, { isLast }: { isLast: boolean }): Promise<Chunk> {
    seat.next = number;
    const chunk = this.#chunks.get(number) ?? (await this.#read(number));
    chunk.pin();
    seat.next = isLast ? number + 1 : number;
    this.#readAhead(number);
    return chunk;
  }

  /** Gives a chunk back that was taken. */
  release(chunk: Chunk): void {
    chunk.unpin();
    this.#dropPassed();
    this.pool.retry();
  }

  async #read(number: number): Promise<Chunk> {
    if (this.#failures.has(number)) {
      throw this.#failures.get(number);
    }
    await this.pool.room(number, (since) => this.#waited(number, since));
    // Another reader may have begun to read it in the meantime.
    return this.#chunks.get(number) ?? this.#begin(number, 0) ?? this.#read(number);
  }

  /** Takes the time for which a reader at a chunk has waited from the patience with those before it, once for all who wait. */
  #waited(number: number, since: number): void {
    const now = clock();
    for (const seat of this.#seats) {
      if (seat.next < number) {
        seat.patience -= now - Math.max(since, seat.waited);
        seat.waited = now;
      }
    }
  }

  #readAhead(number: number): void {
    for (let ahead = 1; ahead <= this.#ahead; ahead += 1) {
      if (!this.#chunks.has(number + ahead) && this.#begin(number + ahead, ahead) === undefined) {
        return;
      }
    }
  }

  /** Begins to read a chunk, if there is one, it can be read, and there is room for it at this distance from its reader. */
  #begin(number: number, distance: number): Chunk | undefined {
    const grid = this.#grid;
    if (number * grid.length >= grid.size || this.#failures.has(number)) {
      return undefined;
    }
    const slot = this.pool.take(distance, number - distance);
    if (slot === undefined) {
      return undefined;
    }
    const chunk = new Chunk(grid, number, { pool: this.pool, slot });
    this.bytesRead += chunk.bytes;
    this.#chunks.set(number, chunk);
    // It may be dropped after that, and another reader may wait for its slot.
    chunk.read(this.#engine, this.#source).then(
      () => {
        this.#dropPassed();
        this.pool.retry();
      },
      (error: unknown) => {
        this.#failures.set(number, error);
        this.#drop(chunk);
        this.pool.retry();
      },
    );
    return chunk;
  }

  /**
   * Frees a slot of the chunk whose next reader is the farthest away, if it is farther than `distance` and the chunk does not stay for a
   * reader before chunk `at`.
   */
  #makeRoom(distance: number, at: number): boolean {
    const patient = Array.from(this.#seats).filter(
      ({ next, patience }) => next < at && patience > 0,
    );
    const first = Math.min(...patient.map(({ next }) => next));
    const stays = ({ number }: Chunk): boolean => number >= first && number < at;
    const found = this.#farthestFirst().find(({ chunk }) =>
      stays(chunk) ? chunk.hasIdlePacks : chunk.canShrink,
    );
    if (found === undefined || found.distance <= distance) {
      return false;
    }
    if (found.chunk.isPinned || stays(found.chunk)) {
      found.chunk.shrink();
    } else {
      this.#drop(found.chunk);
    }
    return true;
  }

  /** Frees the compressed blocks that are not in use of the chunk whose next reader is the farthest away. */
  #dropPacks(): boolean {
    const found = this.#farthestFirst().find(({ chunk }) => chunk.hasIdlePacks);
    found?.chunk.shrink();
    return found !== undefined;
  }

  #farthestFirst(): { chunk: Chunk; distance: number }[] {
    const chunks = Array.from(this.#chunks.values(), (chunk) => ({
      chunk,
      distance: this.#distanceOf(chunk),
    }));
    return chunks.sort((one, other) => other.distance - one.distance);
  }

  /** Returns how many chunks the next reader of a chunk is away; Infinity if all have passed it. */
  #distanceOf({ number }: Chunk): number {
    const distances = Array.from(this.#seats, ({ next }) => number - next);
    return Math.min(Infinity, ...distances.filter((distance) => distance >= 0));
  }

  /** Drops the chunks that all readers have passed: memory that is used again soon is still in the CPU's cache. */
  #dropPassed(): void {
    let first = Infinity;
    for (const { next } of this.#seats) {
      first = Math.min(first, next);
    }
    for (const chunk of this.#chunks.values()) {
      if (chunk.number < first && !chunk.isPinned) {
        this.#drop(chunk);
      }
    }
  }

  #drop(chunk: Chunk): void {
    if (this.#chunks.get(chunk.number) === chunk) {
      this.#chunks.delete(chunk.number);
    }
    chunk.drop();
  }
}
